package daemon

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dropText gives the clean pages of files that we only read back, mostly our own text: nearly all of it was needed for the
// start alone, and comes back by a minor fault. A mapping that has a page of its own (relocated data that was made
// read-only afterwards) is left alone: its contents exist nowhere else.
func dropText() {
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	var begin, end uint64
	candidate := false
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"): // 00400000-00e5f000 r-xp 00000000 08:01 1234 /usr/bin/phorever
			from, to, _ := strings.Cut(fields[0], "-")
			begin, _ = strconv.ParseUint(from, 16, 64)
			end, _ = strconv.ParseUint(to, 16, 64)
			candidate = len(fields) > 5 && strings.HasPrefix(fields[5], "/") && fields[1][0] == 'r' && fields[1][1] == '-'
		case len(fields) >= 2 && (fields[0] == "Anonymous:" || fields[0] == "Swap:"):
			candidate = candidate && fields[1] == "0"
		case fields[0] == "VmFlags:" && candidate && begin < end:
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(begin), uintptr(end-begin), unix.MADV_DONTNEED)
			candidate = false
		}
	}
}
