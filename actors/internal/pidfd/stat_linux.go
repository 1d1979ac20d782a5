package pidfd

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Where things stand in /proc/PID/stat, counted from behind the name.
const (
	fieldState    = 0
	fieldParent   = 1
	fieldGroup    = 2
	fieldSession  = 3
	fieldFlags    = 6
	fieldUser     = 11
	fieldSystem   = 12
	fieldStart    = 19
	fieldCode     = 23 // where the program's text begins: the last that Linux sets of a new address space
	fieldEnvStart = 47
	fieldEnvEnd   = 48
	fieldExit     = 49
	fields        = 50
)

// stat is the line of /proc/PID/stat. It is read for every start and every end, so by three system calls and nothing else.
type stat [fields]int64

func readStat(pid int) (s stat, err error) {
	path := "/proc/" + strconv.Itoa(pid) + "/stat"
	var buffer [1024]byte
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	for err == unix.EINTR {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return s, gone(err)
	}
	n, err := unix.Read(fd, buffer[:])
	for err == unix.EINTR {
		n, err = unix.Read(fd, buffer[:])
	}
	_ = unix.Close(fd)
	if err != nil {
		return s, gone(err)
	}
	s, ok := parseStat(buffer[:n])
	if !ok {
		return s, unix.EIO
	}
	return s, nil
}

// gone tells a process that is not there from one that we could not look at.
func gone(err error) error {
	if err == unix.ENOENT || err == unix.ESRCH {
		return ErrGone
	}
	return err
}

// parseStat reads the line. A name with spaces and parentheses does not confuse it. What a later kernel leaves out is 0.
func parseStat(line []byte) (s stat, ok bool) {
	end := bytes.LastIndexByte(line, ')')
	if end < 0 || end+2 >= len(line) {
		return s, false
	}
	line = line[end+2:]
	s[fieldState] = int64(line[0])
	line = line[1:]
	at := 0
	for at < fields-1 && len(line) > 1 && line[0] == ' ' {
		line = line[1:]
		at++
		negative := line[0] == '-'
		if negative {
			line = line[1:]
		}
		var n uint64 // some are unsigned and larger than an int64
		for len(line) > 0 && line[0] >= '0' && line[0] <= '9' {
			n = n*10 + uint64(line[0]-'0')
			line = line[1:]
		}
		s[at] = int64(n)
		if negative {
			s[at] = -int64(n)
		}
	}
	return s, at >= fieldStart
}

// laidOut is whether the address space is that of a program which may run, and we may see where it begins and ends. Before,
// the arguments end already and the environment has a start, but its end is still the same: a process that is preempted there
// looks for milliseconds like one without any.
func (s stat) laidOut() bool {
	const hidden = 1 // what the kernel shows to those who may not see it
	return s[fieldEnvEnd] != 0 && s[fieldCode] > hidden
}

// bare is whether there is no address space, nor will be one: an ended process, or a thread of the kernel. (That those have no
// session does not tell: nor does a process have one whose session was begun outside its PID namespace.)
func (s stat) bare() bool {
	const threadOfKernel = 0x00200000 // PF_KTHREAD
	return s[fieldState] == 'Z' || s[fieldState] == 'X' || s[fieldFlags]&threadOfKernel != 0
}

// ReadInfo is Look for whom it does not matter why there is nothing to see.
func ReadInfo(pid int) (Info, bool) {
	info, err := Look(pid)
	return info, err == nil
}

// Look reads /proc/PID/stat. The error is ErrGone for a process that is not there; any other says nothing of it.
func Look(pid int) (Info, error) {
	s, err := readStat(pid)
	if err != nil {
		return Info{}, err
	}
	return Info{
		State: byte(s[fieldState]), Parent: int(s[fieldParent]), Group: int(s[fieldGroup]), Session: int(s[fieldSession]), Start: uint64(s[fieldStart]),
	}, nil
}

// Zombie is how the process that began at start ended, whose parent has not reaped it yet. ok is false where it lives or is
// gone, or where we may not see it: then the kernel shows 0, which could be taken for success.
func Zombie(pid int, start uint64) (status Status, ok bool) {
	return zombie(pid, start, func() bool { return maySee("/proc/" + strconv.Itoa(pid)) })
}

// Exact is Zombie where its answer is beyond doubt: before Linux 5.17 the code is that of the first thread, which may have
// left before the others; and a 0 that only a capability lets us see may hide another number where we lack it.
func Exact(pid int, start uint64) (status Status, ok bool) {
	if !tellsOfAll() {
		return Status{Lost: true}, false
	}
	return zombie(pid, start, mayTrace)
}

// zombie believes a 0 where believed says so.
func zombie(pid int, start uint64, believed func() bool) (status Status, ok bool) {
	s, err := readStat(pid)
	if err != nil || s[fieldState] != 'Z' || uint64(s[fieldStart]) != start || s[fieldExit] == 0 && !believed() {
		return Status{Lost: true}, false
	}
	status = statusOf(syscall.WaitStatus(s[fieldExit]))
	status.User = time.Duration(s[fieldUser]) * (time.Second / userHZ)
	status.System = time.Duration(s[fieldSystem]) * (time.Second / userHZ)
	return status, true
}

// tellsOfAll is whether /proc/PID/stat has the exit code of the process instead of that of its first thread.
var tellsOfAll = sync.OnceValue(func() bool {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	major, rest, _ := bytes.Cut(release, []byte("."))
	minor := rest[:len(rest)-len(bytes.TrimLeft(rest, "0123456789"))]
	first, _ := strconv.Atoi(string(major))
	second, _ := strconv.Atoi(string(minor))
	return first > 5 || first == 5 && second >= 17
})
