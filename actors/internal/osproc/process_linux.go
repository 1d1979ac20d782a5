package osproc

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// prepare asks for a pidfd with the fork.
func (p *Process) prepare(attributes *syscall.SysProcAttr, c Command) {
	attributes.Cloneflags = c.Cloneflags
	p.ours = c.Cloneflags&unix.CLONE_PARENT == 0
	if pidfdWorks() {
		attributes.PidFD = &p.pidfd
	}
}

// born learns what can be learned only now. The pid cannot have been reused: nobody has reaped it.
func (p *Process) born() {
	if p.pidfd < 0 && pidfdWorks() { // gVisor and some sandboxes ignore the flag
		if fd, err := unix.PidfdOpen(p.pid, 0); err == nil {
			p.pidfd = fd
		}
	}
}

// pidfdWorks is whether all of it is there: opening came with Linux 5.3, waiting with 5.4, and the filter of a sandbox may
// forbid either. Tests replace it.
var pidfdWorks = sync.OnceValue(func() bool {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.PidfdSendSignal(fd, 0, nil, 0) == nil &&
		waitid(unix.P_PIDFD, fd, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil, nil) == unix.ECHILD // we are no child of ours
})

func (p *Process) send(signal syscall.Signal) error {
	if p.pidfd < 0 {
		return syscall.Kill(p.pid, signal)
	}
	return unix.PidfdSendSignal(p.pidfd, signal, nil, 0)
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

// wait looks at the end of a child. ended is false while it lives, which only a wait with WNOHANG can see.
func (p *Process) wait(flags int) (status Status, ended bool, err error) {
	kind, id := unix.P_PIDFD, p.pidfd
	if p.pidfd < 0 {
		kind, id = unix.P_PID, p.pid
	}
	var info siginfo
	var usage unix.Rusage
	if err := waitid(kind, id, flags|unix.WEXITED, &info, &usage); err != nil {
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

// waitid is the system call with the usage that the library's own keeps back.
func waitid(kind, id, flags int, info *siginfo, usage *unix.Rusage) error {
	for {
		_, _, errno := unix.Syscall6(unix.SYS_WAITID, uintptr(kind), uintptr(id), uintptr(unsafe.Pointer(info)),
			uintptr(flags), uintptr(unsafe.Pointer(usage)), 0)
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

func (p *Process) reap() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return nil
	}
	ended, err := p.collect()
	if !ended && err == nil {
		return ErrRuns
	}
	p.reaped = true
	if p.unwatch != nil { // before the descriptor is closed, for a fork in flight may hold a copy
		p.unwatch()
		p.unwatch = nil
	}
	if p.pidfd >= 0 {
		_ = unix.Close(p.pidfd)
		p.pidfd = -1
	}
	return err
}

// members are the processes of the group of a reaped leader.
func (p *Process) members() (living []int, zombies int, reused bool) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		info, ok := ReadInfo(pid)
		switch {
		case !ok || info.Group != p.pid:
		case pid == p.pid: // the number was given anew, so the group that it named had no member left
			return nil, 0, true
		case info.State == 'Z' || info.State == 'X':
			zombies++
		default:
			living = append(living, pid)
		}
	}
	return living, zombies, false
}

// groupEmpty is whether a group that has members for the kernel has only zombies left, or is a stranger's. When nothing was
// seen at all a member was born or ended during the walk, and the question is open.
func (p *Process) groupEmpty() bool {
	living, zombies, reused := p.members()
	return reused || len(living) == 0 && zombies > 0
}

// signalMembers signals what is left of a group whose leader is reaped. The pidfd comes first, the check of what it
// names second: so neither can be about another process.
func (p *Process) signalMembers(signal syscall.Signal) error {
	result := ErrGone
	living, _, _ := p.members()
	for _, pid := range living {
		member := Process{pid: pid, pidfd: -1}
		member.born()
		err := ErrGone
		if info, ok := ReadInfo(pid); ok && info.Group == p.pid {
			err = gone(member.send(signal))
		}
		if member.pidfd >= 0 {
			_ = unix.Close(member.pidfd)
		}
		if err == nil || result == ErrGone {
			result = err
		}
	}
	return result
}

func startTime(pid int) uint64 {
	info, _ := ReadInfo(pid)
	return info.Start
}

// Info is what /proc tells of a process.
type Info struct {
	State                  byte // R, S, D, T, Z, …
	Parent, Group, Session int
	Start                  uint64 // ticks since boot
}

// ReadInfo reads /proc/PID/stat. A name with spaces and parentheses does not confuse it.
func ReadInfo(pid int) (Info, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Info{}, false
	}
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return Info{}, false
	}
	fields := bytes.Fields(data[end+1:])
	if len(fields) < 20 {
		return Info{}, false
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(string(fields[i]))
		return n
	}
	start, _ := strconv.ParseUint(string(fields[19]), 10, 64)
	return Info{State: fields[0][0], Parent: number(1), Group: number(2), Session: number(3), Start: start}, true
}
