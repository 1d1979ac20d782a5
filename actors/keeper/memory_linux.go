package keeper

import (
	"bufio"
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

// DropText gives the clean pages of files that we only read back, mostly our own text: nearly all of it was needed for the
// start alone, and comes back by a minor fault. A mapping that has a page of its own (relocated data that was made
// read-only afterwards) is left alone: its contents exist nowhere else. It makes next to no garbage, which would cost as much.
func DropText() {
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	var begin, end uint64
	candidate := false
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		first, rest := field(lines.Bytes())
		switch {
		case first == nil:
		case first[len(first)-1] != ':': // 00400000-00e5f000 r-xp 00000000 08:01 1234 /usr/bin/phorever
			var separated bool
			begin, end, separated = bounds(first)
			rights, rest := field(rest)
			for range 3 { // offset, device, inode
				_, rest = field(rest)
			}
			path, _ := field(rest)
			candidate = separated && len(path) > 0 && path[0] == '/' && len(rights) > 1 && rights[0] == 'r' && rights[1] == '-'
		case bytes.Equal(first, anonymous), bytes.Equal(first, swap):
			size, _ := field(rest)
			candidate = candidate && len(size) == 1 && size[0] == '0'
		case bytes.Equal(first, lastOfMapping) && candidate && begin < end:
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(begin), uintptr(end-begin), unix.MADV_DONTNEED)
			candidate = false
		}
	}
}

var anonymous, swap, lastOfMapping = []byte("Anonymous:"), []byte("Swap:"), []byte("VmFlags:")

// field is the first word of a line, and what follows it.
func field(line []byte) (first, rest []byte) {
	line = bytes.TrimLeft(line, " \t")
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		return line[:i], line[i:]
	}
	if len(line) == 0 {
		return nil, nil
	}
	return line, nil
}

// bounds are two hexadecimal numbers with a dash between them.
func bounds(text []byte) (from, to uint64, ok bool) {
	number := &from
	for _, c := range text {
		switch {
		case c == '-' && number == &from:
			number = &to
		case c >= '0' && c <= '9':
			*number = *number<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			*number = *number<<4 | uint64(c-'a'+10)
		default:
			return 0, 0, false
		}
	}
	return from, to, number == &to
}
