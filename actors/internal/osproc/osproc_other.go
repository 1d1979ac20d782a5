//go:build !linux

package osproc

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// What this system does not have is refused where it is asked for, and is nothing where it would only help.

func (p *Process) prepare(*syscall.SysProcAttr, Command)      {}
func (p *Process) forkApart(Command, *syscall.ProcAttr) error { return errNoForker }
func (p *Process) born() error                                { return nil }
func startTime(int) uint64                                    { return 0 }
func forkBegins() uint64                                      { return 0 }
func forkEnded(uint64, int)                                   {}

func (p *Process) forkHere(c Command, attributes *syscall.ProcAttr) (err error) {
	if c.Umask != nil || c.Nice != nil {
		return errors.New("umask and nice of a single process need Linux")
	}
	p.pid, err = syscall.ForkExec(c.Path, c.Argv, attributes)
	return err
}

// forker is never made here: a fork closes only what it has to.
type forker struct{}

func runtimeFiles() []int                                            { return nil }
func newForker([]int, *os.File) (*forker, error)                     { return nil, errNoForker }
func (*forker) fork(Command, *syscall.ProcAttr) (int, uint64, error) { return 0, 0, errNoForker }
func (*forker) end()                                                 {}

// HandleIgnored does nothing here: the runtime handles what a shell's background job was given as ignored.
func HandleIgnored() {}

func (p *Process) send(signal syscall.Signal) error { return syscall.Kill(p.pid, signal) }

func umaskOfThread() bool { return true }

func spawnShimmed(c Command, _ []uintptr) (*Process, error) {
	return nil, fmt.Errorf("%s: limits, oom_score_adj and no_new_privs need Linux", c.Argv[0])
}

// ExecChild is never asked for here.
func ExecChild([]string) { os.Exit(127) }

func (p *Process) reap() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return nil
	}
	var status syscall.WaitStatus
	flags := 0 // its end was told, perhaps a moment before it is a zombie
	if p.unwatch != nil {
		flags = syscall.WNOHANG
	}
	pid, err := syscall.Wait4(p.pid, &status, flags, nil)
	if pid == 0 && err == nil {
		return ErrRuns
	}
	p.reaped = true
	if p.unwatch != nil {
		p.unwatch()
		p.unwatch = nil
	}
	return err
}

// groupEmpty cannot be told apart cheaply here: the group is taken to live while it can be signaled.
func (p *Process) groupEmpty() bool { return false }

func (p *Process) signalMembers(signal syscall.Signal) error {
	return gone(syscall.Kill(-p.pid, signal))
}

// Loop sees processes end: one goroutine and one kqueue for all of them.
type Loop struct {
	queue   int
	done    chan struct{}
	mu      sync.Mutex
	watched map[int]func(Status)
}

// NewLoop starts the goroutine.
func NewLoop() (*Loop, error) {
	queue, err := unix.Kqueue()
	if err != nil {
		return nil, fmt.Errorf("kqueue: %w", err)
	}
	unix.CloseOnExec(queue)
	l := &Loop{queue: queue, done: make(chan struct{}), watched: map[int]func(Status){}}
	var wake unix.Kevent_t
	unix.SetKevent(&wake, 0, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR)
	if _, err := unix.Kevent(queue, []unix.Kevent_t{wake}, nil, nil); err != nil {
		_ = unix.Close(queue)
		return nil, fmt.Errorf("kevent: %w", err)
	}
	go l.run()
	return l, nil
}

// Watch calls exited once, on the loop's goroutine, when the process has ended; it is then a zombie until it is reaped.
func (l *Loop) Watch(p *Process, exited func(Status)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return ErrGone
	}
	l.mu.Lock()
	l.watched[p.pid] = func(status Status) {
		p.mu.Lock()
		p.unwatch = nil
		p.mu.Unlock()
		exited(status)
	}
	l.mu.Unlock()
	p.unwatch = func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.watched, p.pid)
	}
	var change unix.Kevent_t
	unix.SetKevent(&change, p.pid, unix.EVFILT_PROC, unix.EV_ADD|unix.EV_ONESHOT)
	change.Fflags = unix.NOTE_EXIT | noteExitStatus
	_, err := unix.Kevent(l.queue, []unix.Kevent_t{change}, nil, nil)
	if errors.Is(err, unix.ESRCH) { // it has ended already
		go l.ended(p.pid, Status{Lost: true})
		return nil
	}
	return err
}

// noteExitStatus asks for the wait status with the event (NOTE_EXITSTATUS of <sys/event.h>).
const noteExitStatus = 0x04000000

// Close ends the goroutine.
func (l *Loop) Close() {
	var wake unix.Kevent_t
	unix.SetKevent(&wake, 0, unix.EVFILT_USER, 0)
	wake.Fflags = unix.NOTE_TRIGGER
	_, _ = unix.Kevent(l.queue, []unix.Kevent_t{wake}, nil, nil)
	<-l.done
	_ = unix.Close(l.queue)
}

func (l *Loop) run() {
	defer close(l.done)
	events := make([]unix.Kevent_t, 64)
	for {
		n, err := unix.Kevent(l.queue, nil, events, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			if e.Filter == unix.EVFILT_USER {
				return
			}
			status := syscall.WaitStatus(uint32(e.Data))
			ended := Status{Code: status.ExitStatus(), Core: status.CoreDump()}
			if status.Signaled() {
				ended.Code, ended.Signal = 0, status.Signal()
			}
			l.ended(int(e.Ident), ended)
		}
	}
}

func (l *Loop) ended(pid int, status Status) {
	l.mu.Lock()
	exited := l.watched[pid]
	delete(l.watched, pid)
	l.mu.Unlock()
	if exited != nil {
		exited(status)
	}
}
