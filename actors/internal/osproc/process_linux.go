package osproc

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// prepare says whose child it is to be.
func (p *Process) prepare(attributes *syscall.SysProcAttr, c Command) {
	attributes.Cloneflags = c.Cloneflags
	p.ours = c.Cloneflags&unix.CLONE_PARENT == 0
}

// forkHere forks on the thread at hand. A pidfd comes with the fork.
func (p *Process) forkHere(c Command, attributes *syscall.ProcAttr) (err error) {
	closeOnExec()
	if pidfdWorks() {
		attributes.Sys.PidFD = &p.pidfd
	}
	if needsThread(c) {
		p.pid, p.start, err = forkFromThread(c, attributes)
	} else {
		p.pid, p.start, err = forkExec(c, attributes)
	}
	return err
}

// forkApart forks on a thread with files of its own, where a pidfd would be of no use: there is to be room for one here.
func (p *Process) forkApart(c Command, attributes *syscall.ProcAttr) (err error) {
	if needsThread(c) {
		return errNoForker
	}
	room := -1
	if pidfdWorks() {
		if room, err = unix.FcntlInt(attributes.Files[0], unix.F_DUPFD_CLOEXEC, 3); err != nil {
			return err
		}
	}
	p.pid, p.start, err = c.Forkers.fork(c, attributes)
	if room >= 0 {
		_ = unix.Close(room)
	}
	return err
}

// born learns what can be learned only now. An error says that it was killed, for there was no room to know it by.
func (p *Process) born() error {
	if p.pidfd < 0 { // it was forked apart; and gVisor and some sandboxes ignore the flag
		err := p.open()
		for range 100 {
			if !shortage(err) {
				break
			}
			<-time.After(10 * time.Millisecond) // whoever took our room may give it back
			err = p.open()
		}
		if shortage(err) {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
			if p.ours {
				_, _, _ = p.wait(0)
			}
			return err
		}
		if err == unix.ESRCH { // whoever is its parent has reaped it already, as the init does when the keeper was killed
			p.reaped, p.gone = true, true
			return nil
		}
	}
	p.learnStart()
	return nil
}

// open opens a pidfd where that works. The pid cannot have been reused: nobody has reaped it.
func (p *Process) open() error {
	if !pidfdWorks() {
		return nil
	}
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err == nil {
		p.pidfd = fd
	}
	return err
}

func shortage(err error) bool { return err == unix.EMFILE || err == unix.ENFILE || err == unix.ENOMEM }

// pidfdWorks is whether all of it is there: opening came with Linux 5.3, waiting with 5.4, and the filter of a sandbox may
// forbid either. Tests replace it.
var pidfdWorks = sync.OnceValue(func() bool {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.PidfdSendSignal(fd, 0, nil, 0) == nil &&
		pidfd.Waitid(unix.P_PIDFD, fd, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil, nil) == unix.ECHILD // we are no child of ours
})

func (p *Process) send(signal syscall.Signal) error {
	if p.pidfd < 0 {
		return syscall.Kill(p.pid, signal)
	}
	return pidfd.Signal(p.pidfd, signal)
}

// wait looks at the end of a child. ended is false while it lives, which only a wait with WNOHANG can see.
func (p *Process) wait(flags int) (status Status, ended bool, err error) {
	if p.pidfd < 0 {
		return pidfd.Wait(unix.P_PID, p.pid, flags|unix.WEXITED)
	}
	return pidfd.Wait(unix.P_PIDFD, p.pidfd, flags|unix.WEXITED)
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
	for pid := range pidfd.All() {
		info, ok := ReadInfo(pid)
		switch {
		case !ok || info.Group != p.pid:
		case pid == p.pid: // the number was given anew, so the group that it named had no member left
			return nil, 0, true
		case info.Ended():
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
		_ = member.open()
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
type Info = pidfd.Info

// ReadInfo reads /proc/PID/stat.
func ReadInfo(pid int) (Info, bool) { return pidfd.ReadInfo(pid) }

// Adopt makes a Process of one that somebody else has started: the one that has a number and began at start.
func Adopt(pid int, start uint64) (*Process, error) {
	fd, err := pidfd.OpenChecked(pid, start)
	if err != nil {
		return nil, err
	}
	return &Process{pid: pid, pidfd: fd, start: start}, nil
}

// Past is a process of which nothing is left but its number.
func Past(pid int, start uint64) *Process {
	return &Process{pid: pid, pidfd: -1, start: start, reaped: true, gone: true}
}

// Reaped says that its parent, which is another process, has reaped it: it cannot be signaled any more.
func (p *Process) Reaped() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return
	}
	p.reaped = true
	if p.unwatch != nil {
		p.unwatch()
		p.unwatch = nil
	}
	if p.pidfd >= 0 {
		_ = unix.Close(p.pidfd)
		p.pidfd = -1
	}
}

// Exact is how a process ended that is another's child, while it is a zombie; ok is false where that cannot be told for sure.
func (p *Process) Exact() (status Status, ok bool) { return pidfd.Exact(p.pid, p.start) }

// Recall is how a process ended that is another's child, as far as the kernel knows: it remembers, or shows the zombie.
func (p *Process) Recall() (status Status, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pidfd >= 0 {
		if status, ok = pidfd.Foreign(p.pidfd); ok {
			return status, true
		}
	}
	return pidfd.Zombie(p.pid, p.start)
}

// Ended tells whether the process has ended, also when it was reaped.
func (p *Process) Ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pidfd < 0 {
		return p.reaped
	}
	poll := []unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}
	n, _ := unix.Poll(poll, 0)
	return n > 0
}
