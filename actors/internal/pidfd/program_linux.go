package pidfd

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// Name is the name that the kernel has for a process: of its program, cut off after 15 bytes, unless it chose another. A zombie still
// has it, when its program is not told any more.
func Name(pid int) string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return strings.TrimSuffix(string(text), "\n")
}

// Arguments are the words that a process was begun with, as it shows them; none where it has ended or we may not see them.
func Arguments(pid int) []string {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if len(text) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// Program is the file that a process runs, and its path; nil where it has ended or we may not see it.
func Program(pid int) (os.FileInfo, string) {
	link := "/proc/" + strconv.Itoa(pid) + "/exe"
	file, err := os.Stat(link)
	if err != nil {
		return nil, ""
	}
	path, _ := os.Readlink(link)
	return file, path
}

// Owner is the user that a process runs as. Who owns its directory in /proc does not tell: that is root while it is hidden.
func Owner(pid int) (uid uint32, ok bool) {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	for line := range strings.Lines(string(text)) {
		if ids, found := strings.CutPrefix(line, "Uid:"); found {
			fields := strings.Fields(ids)
			if len(fields) < 2 {
				return 0, false
			}
			n, err := strconv.ParseUint(fields[1], 10, 32)
			return uint32(n), err == nil
		}
	}
	return 0, false
}

// Ticks is a time as the start time of a process that begins then.
func Ticks(at time.Time) uint64 {
	return Tick(SinceBoot() - time.Since(at))
}
