package osproc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/epoll"
	"github.com/dcousineau/phorever/actors/internal/failpoint"
)

// again is how soon a process is looked at again whose pidfd says that it ended while waitid does not: a debugger has it.
const again = 10 * time.Millisecond

// Loop sees processes end: one goroutine and one epoll instance for all of them. Where this process is the one that orphans
// are handed to, and where there is no pidfd, another goroutine hears SIGCHLD.
type Loop struct {
	epoll   *epoll.Epoll
	wake    int
	done    chan struct{}
	orphans *orphans // nil where they go elsewhere; the loop's goroutine's alone
	held    []uint64 // to be looked at again; the loop's goroutine's alone

	mu      sync.Mutex
	closed  bool
	next    uint64
	watched map[uint64]watch // by the token in the epoll entry: a number of a descriptor may be used again
	signals chan os.Signal   // nil while nobody listens
	heard   sync.WaitGroup
}

type watch struct {
	process *Process
	pidfd   int // -1 for one that SIGCHLD tells of
	exited  func(Status)
}

// NewLoop starts the goroutine. If orphans come to this process, as to PID 1 and to a subreaper, they are reaped from now
// on; nothing else that this process forked is touched as long as its owner waits for it within half a second.
func NewLoop() (*Loop, error) {
	epoll, err := epoll.New()
	if err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		epoll.Close()
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	l := &Loop{epoll: epoll, wake: wake, done: make(chan struct{}), watched: map[uint64]watch{}}
	if err := epoll.Control(unix.EPOLL_CTL_ADD, wake, entry(0, unix.EPOLLIN)); err != nil {
		_ = unix.Close(wake)
		epoll.Close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if adopts() {
		l.orphans = newOrphans()
		l.mu.Lock()
		l.listen()
		l.mu.Unlock()
		l.poke() // some may have ended before
	}
	go l.run()
	return l, nil
}

// entry is an epoll entry that carries a token instead of a descriptor.
func entry(token uint64, events uint32) *unix.EpollEvent {
	return &unix.EpollEvent{Events: events, Fd: int32(uint32(token)), Pad: int32(uint32(token >> 32))}
}

func tokenOf(e unix.EpollEvent) uint64 { return uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32 }

// Watch calls exited once, on the loop's goroutine, when the process has ended; it is then a zombie until it is reaped. The
// status is empty where the process is another's child. exited must not block. A process is watched by one loop, once.
func (l *Loop) Watch(p *Process, exited func(Status)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return ErrGone
	}
	if err := failpoint.At("watch"); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("watch process %d: the loop is closed", p.pid)
	}
	l.next++
	token := l.next
	w := watch{p, p.pidfd, exited}
	err := errors.New("there is no pidfd")
	if w.pidfd >= 0 {
		err = l.epoll.Control(unix.EPOLL_CTL_ADD, w.pidfd, entry(token, unix.EPOLLIN|unix.EPOLLONESHOT))
	}
	switch {
	case err == nil:
		l.watched[token] = w
	case !p.ours: // neither a descriptor nor a signal tells of its end
		return fmt.Errorf("watch process %d: %w", p.pid, err)
	default:
		w.pidfd = -1
		l.watched[token] = w
		l.listen()
		l.poke() // it may have ended before
	}
	p.unwatch = func() { l.forget(token) }
	return nil
}

// listen makes SIGCHLD wake the loop. The caller holds l.mu.
func (l *Loop) listen() {
	if l.signals != nil {
		return
	}
	signals := make(chan os.Signal, 1) // one that waits stands for all: every look is at all children
	l.signals = signals
	signal.Notify(signals, syscall.SIGCHLD)
	l.heard.Go(func() {
		for range signals {
			l.poke()
		}
	})
}

// poke wakes the loop. A counter that is full means that it is awake anyway.
func (l *Loop) poke() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(l.wake, one[:])
}

// Close ends the goroutines; exited, which must not call it, is not called any more. Processes that are still watched are
// forgotten.
func (l *Loop) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.done
		return
	}
	l.closed = true
	signals := l.signals
	l.mu.Unlock()
	if signals != nil {
		signal.Stop(signals)
		close(signals) // nothing is sent any more after Stop
	}
	l.heard.Wait()
	l.poke()
	<-l.done
	l.mu.Lock() // whoever reaps must not meet another file under the number
	defer l.mu.Unlock()
	clear(l.watched)
	_ = unix.Close(l.wake)
	l.epoll.Close()
}

func (l *Loop) run() {
	defer close(l.done)
	events := make([]unix.EpollEvent, 128)
	for {
		n, err := l.epoll.Wait(events, l.timeout())
		if err != nil {
			return
		}
		due := l.held
		l.held = nil
		poked := false
		for _, e := range events[:n] {
			if token := tokenOf(e); token != 0 {
				due = append(due, token)
				continue
			}
			var count [8]byte
			_, _ = unix.Read(l.wake, count[:])
			poked = true
		}
		if poked {
			unseen, closed := l.withoutPidfd()
			if closed {
				return
			}
			for _, token := range unseen {
				l.look(token)
			}
		}
		for _, token := range due {
			if !l.look(token) {
				l.held = append(l.held, token)
			}
		}
		if l.orphans != nil {
			l.orphans.turn(poked)
		}
	}
}

// timeout is how long there is nothing to do; negative is for ever.
func (l *Loop) timeout() time.Duration {
	pause := time.Duration(-1)
	if l.orphans != nil {
		pause = l.orphans.due()
	}
	if len(l.held) > 0 && (pause < 0 || pause > again) {
		pause = again
	}
	return pause
}

// withoutPidfd are the tokens of the processes that SIGCHLD tells of.
func (l *Loop) withoutPidfd() (tokens []uint64, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signals != nil {
		for token, w := range l.watched {
			if w.pidfd < 0 {
				tokens = append(tokens, token)
			}
		}
	}
	return tokens, l.closed
}

// look peeks at one process and tells its end. It answers whether that was the last look. A token that nobody knows is from
// a late event of a descriptor that a fork in flight kept open.
func (l *Loop) look(token uint64) bool {
	l.mu.Lock()
	w, ok := l.watched[token]
	l.mu.Unlock()
	if !ok {
		return true
	}
	w.process.mu.Lock()
	if w.process.reaped {
		w.process.mu.Unlock()
		return true
	}
	var status Status
	ended, err := true, error(nil)
	if w.process.ours {
		status, ended, err = w.process.wait(unix.WNOHANG | unix.WNOWAIT)
	}
	if !ended && err == nil {
		w.process.mu.Unlock()
		return false
	}
	l.forget(token)
	w.process.unwatch = nil
	w.process.mu.Unlock()
	w.exited(status)
	return true
}

// forget takes a process out of the loop while its descriptor is open. Closing alone would not remove it: a child that is
// being forked holds a copy.
func (l *Loop) forget(token uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w, ok := l.watched[token]; ok {
		if w.pidfd >= 0 {
			_ = l.epoll.Control(unix.EPOLL_CTL_DEL, w.pidfd, nil)
		}
		delete(l.watched, token)
	}
}
