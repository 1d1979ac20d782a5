package pidfd

import (
	"errors"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
)

// Open makes a descriptor of the process that has a number now; of a zombie, too. Numbers are given to threads as well: one that is a
// thread's by now (ENOENT, EINVAL before Linux 6.16) is that of no process.
func Open(pid int) (int, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case err == unix.ESRCH || pid > 0 && (err == unix.ENOENT || err == unix.EINVAL):
		return -1, ErrGone
	case err != nil:
		return -1, fmt.Errorf("pidfd_open %d: %w", pid, err)
	}
	return fd, nil
}

// OpenChecked makes a descriptor of the process that has a number and began at start, in ticks since boot. The descriptor
// comes first, the look at what it names second: so neither can be about another process. An error that is neither ErrGone nor
// ErrStranger says nothing of the process.
func OpenChecked(pid int, start uint64) (int, error) {
	fd, err := Open(pid)
	if err != nil {
		return -1, err
	}
	info, err := Look(pid)
	switch {
	case err != nil:
	case info.Start != start:
		err = ErrStranger
	default:
		if err = Signal(fd, 0); errors.Is(err, syscall.EPERM) {
			err = nil // it is there, and another user's
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Signal sends a signal, or returns ErrGone.
func Signal(fd int, signal syscall.Signal) error {
	for {
		err := failpoint.At("signal")
		if err == nil {
			err = unix.PidfdSendSignal(fd, signal, nil, 0)
		}
		switch err {
		case unix.EINTR:
		case unix.ESRCH:
			return ErrGone
		default:
			return err
		}
	}
}

// siginfo is struct siginfo of waitid on 64-bit Linux: si_pid lies at 16, after the padding of the union.
type siginfo struct {
	Signo, Errno, Code, _ int32
	Pid                   int32
	Uid                   uint32
	Status                int32
	_                     [100]byte
}

// Codes of siginfo, from <asm-generic/siginfo.h>.
const (
	cldExited = 1
	cldKilled = 2
	cldDumped = 3
)

// Peek looks whether a child has ended, and leaves the zombie. The error is unix.ECHILD for a process that is no child.
func Peek(fd int) (status Status, ended bool, err error) {
	return Wait(unix.P_PIDFD, fd, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT)
}

// Reap takes the zombie of a child that has ended.
func Reap(fd int) (status Status, ended bool, err error) {
	return Wait(unix.P_PIDFD, fd, unix.WEXITED|unix.WNOHANG)
}

// PeekPid is Peek by the number of a child, which is its own as long as nobody has reaped it.
func PeekPid(pid int) (status Status, ended bool, err error) {
	return Wait(unix.P_PID, pid, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT)
}

// ReapPid takes the zombie of a child by its number, which is its own as long as nobody has reaped it.
func ReapPid(pid int) (Status, bool) {
	status, ended, err := Wait(unix.P_PID, pid, unix.WEXITED|unix.WNOHANG)
	return status, ended && err == nil
}

// PeekAny is any child that has ended and was not reaped.
func PeekAny() (pid int, ended bool) {
	var info siginfo
	if err := Waitid(unix.P_ALL, 0, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, unsafe.Pointer(&info), nil); err != nil || info.Pid == 0 {
		return 0, false
	}
	return int(info.Pid), true
}

// Wait is waitid: it looks at the end of a child, by descriptor or by number.
func Wait(kind, id, flags int) (status Status, ended bool, err error) {
	var info siginfo
	var usage unix.Rusage
	if err := Waitid(kind, id, flags, unsafe.Pointer(&info), &usage); err != nil {
		return Status{Lost: true}, false, err
	}
	if info.Pid == 0 {
		return Status{}, false, nil
	}
	status = Status{
		User: time.Duration(usage.Utime.Nano()), System: time.Duration(usage.Stime.Nano()), MaxRSS: usage.Maxrss << 10,
	}
	switch info.Code {
	case cldExited:
		status.Code = int(info.Status)
	case cldKilled, cldDumped:
		status.Signal, status.Core = syscall.Signal(info.Status), info.Code == cldDumped
	}
	return status, true, nil
}

// Waitid is the system call with the usage that the library's own keeps back. info is a struct siginfo, or nil.
func Waitid(kind, id, flags int, info unsafe.Pointer, usage *unix.Rusage) error {
	for {
		_, _, errno := unix.Syscall6(unix.SYS_WAITID, uintptr(kind), uintptr(id), uintptr(info), uintptr(flags), uintptr(unsafe.Pointer(usage)), 0)
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// pidfdInfo is struct pidfd_info of <linux/pidfd.h> in its first published size; the kernel fills what fits.
type pidfdInfo struct {
	Mask, Cgroup                                     uint64
	Pid, Tgid, Ppid                                  uint32
	Ruid, Rgid, Euid, Egid, Suid, Sgid, Fsuid, Fsgid uint32
	ExitCode                                         int32
}

// Of <linux/pidfd.h>: the part of the answer that holds the exit code, and the request, whose number holds the size.
const (
	pidfdInfoExit = 1 << 3
	pidfdGetInfo  = 3<<30 | unsafe.Sizeof(pidfdInfo{})<<16 | 0xff<<8 | 11
)

// Foreign is how a process ended that is no child of ours and was reaped by its parent. The kernel remembers it for whoever
// has a descriptor, from Linux 6.15 on; ok is false where it does not, or not yet.
func Foreign(fd int) (status Status, ok bool) {
	info := pidfdInfo{Mask: pidfdInfoExit}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), pidfdGetInfo, uintptr(unsafe.Pointer(&info)))
	if errno != 0 || info.Mask&pidfdInfoExit == 0 {
		return Status{Lost: true}, false
	}
	return statusOf(syscall.WaitStatus(info.ExitCode)), true
}

func statusOf(end syscall.WaitStatus) Status {
	if end.Signaled() {
		return Status{Signal: end.Signal(), Core: end.CoreDump()}
	}
	return Status{Code: end.ExitStatus()}
}

// SinceBoot is the time since the system was started, also while it slept.
func SinceBoot() time.Duration {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0
	}
	return time.Duration(now.Nano())
}

// userHZ is how many ticks of /proc a second has, on every architecture that Go runs on.
const userHZ = 100

// StartedAt is a start time in ticks since boot as a time with a monotonic reading.
func StartedAt(start uint64) time.Time {
	return time.Now().Add(time.Duration(start)*(time.Second/userHZ) - SinceBoot())
}

// Tick is the start time of a process that begins at a time since boot.
func Tick(sinceBoot time.Duration) uint64 {
	return uint64(max(0, sinceBoot)) / uint64(time.Second/userHZ)
}

// Latest is the time since boot before which a process with this start time began: ticks are cut off, not rounded.
func Latest(start uint64) time.Duration { return time.Duration(start+1) * (time.Second / userHZ) }
