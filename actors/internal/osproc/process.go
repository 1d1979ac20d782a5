package osproc

import (
	"errors"
	"sync"
	"syscall"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// ErrGone is the answer to a signal that has nobody to reach any more.
var ErrGone = pidfd.ErrGone

// ErrRuns is the answer of Reap for a process that has not ended.
var ErrRuns = errors.New("the process still runs")

// Process is one process that we started. Its methods are safe for concurrent use.
type Process struct {
	pid   int
	pidfd int    // -1 where the system has none
	ours  bool   // this process is its parent
	start uint64 // 0 where it was not needed yet

	mu      sync.Mutex
	reaped  bool
	gone    bool   // reaped, and its group was seen empty: the number may be anybody's
	unwatch func() // nil unless a loop watches it
}

// Pid is the process's number. It means this process only while it is not reaped.
func (p *Process) Pid() int { return p.pid }

// StartTime is when the process began, in clock ticks since boot; with the pid it names a process for the life of the
// boot. 0 where the system does not tell, and once it is reaped.
func (p *Process) StartTime() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.reaped:
		return 0
	case p.start != 0:
		return p.start
	}
	return startTime(p.pid)
}

// Signal sends a signal to the process, or returns ErrGone.
func (p *Process) Signal(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return ErrGone
	}
	return gone(p.send(signal))
}

// SignalGroup sends a signal to every member of the process's group, or returns ErrGone. While the leader is not reaped
// its zombie keeps the number of the group taken; afterwards the members do, and each is signaled by a pidfd of its own
// whose identity was checked.
func (p *Process) SignalGroup(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.gone:
		return ErrGone
	case p.reaped:
		return p.signalMembers(signal)
	}
	return gone(syscall.Kill(-p.pid, signal))
}

// GroupAlive tells whether anything of the process's group lives on; zombies do not live. It costs one system call when
// nothing does, and a walk through /proc when something may. Before the leader is reaped the answer is always true.
func (p *Process) GroupAlive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		return true
	}
	if p.gone {
		return false
	}
	// The number of a group stays taken while it has a member, so this can only be too pessimistic: a stranger that was
	// given the number in between is told apart by the walk, for it is the leader that we know to be reaped.
	if errors.Is(syscall.Kill(-p.pid, 0), syscall.ESRCH) || p.groupEmpty() {
		p.gone = true
	}
	return !p.gone
}

func gone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return ErrGone
	}
	return err
}

// interrupted does something again that a signal has interrupted.
func interrupted(f func() error) error {
	for {
		if err := f(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
