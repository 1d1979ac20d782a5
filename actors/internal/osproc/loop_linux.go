package osproc

import (
	"encoding/binary"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Loop sees processes end: one goroutine and one epoll instance for all of them.
type Loop struct {
	epoll, wake int
	done        chan struct{}

	mu      sync.Mutex
	next    uint64
	watched map[uint64]watch // by the token in the epoll entry: a number of a descriptor may be used again
}

type watch struct {
	process *Process
	pidfd   int
	exited  func(Status)
}

// NewLoop starts the goroutine.
func NewLoop() (*Loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(epoll)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	l := &Loop{epoll: epoll, wake: wake, done: make(chan struct{}), watched: map[uint64]watch{}}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, entry(0)); err != nil {
		_ = unix.Close(wake)
		_ = unix.Close(epoll)
		return nil, fmt.Errorf("epoll: %w", err)
	}
	go l.run()
	return l, nil
}

// entry is an epoll entry that carries a token instead of a descriptor.
func entry(token uint64) *unix.EpollEvent {
	return &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(uint32(token)), Pad: int32(uint32(token >> 32))}
}

func tokenOf(e unix.EpollEvent) uint64 { return uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32 }

// Watch calls exited once, on the loop's goroutine, when the process has ended; it is then a zombie until it is reaped.
// exited must not block.
func (l *Loop) Watch(p *Process, exited func(Status)) error {
	if p.pidfd < 0 {
		return fmt.Errorf("this system gives no pidfd for process %d", p.pid)
	}
	l.mu.Lock()
	l.next++
	token := l.next
	l.watched[token] = watch{p, p.pidfd, exited}
	l.mu.Unlock()
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, p.pidfd, entry(token)); err != nil {
		l.mu.Lock()
		delete(l.watched, token)
		l.mu.Unlock()
		return fmt.Errorf("watch process %d: %w", p.pid, err)
	}
	return nil
}

// Close ends the goroutine. Processes that are still watched are forgotten.
func (l *Loop) Close() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(l.wake, one[:])
	<-l.done
	_ = unix.Close(l.wake)
	_ = unix.Close(l.epoll)
}

func (l *Loop) run() {
	defer close(l.done)
	events := make([]unix.EpollEvent, 128)
	for {
		n, err := unix.EpollWait(l.epoll, events, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			token := tokenOf(e)
			if token == 0 {
				return
			}
			l.ended(token)
		}
	}
}

// ended peeks at one end. An event whose token nobody knows is a late one of a descriptor that a fork in flight kept open.
func (l *Loop) ended(token uint64) {
	l.mu.Lock()
	w, ok := l.watched[token]
	l.mu.Unlock()
	if !ok {
		return
	}
	status, over, err := w.process.wait(unix.WNOHANG | unix.WNOWAIT)
	if !over && err == nil { // woken for nothing
		_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, w.pidfd, entry(token))
		return
	}
	l.mu.Lock()
	delete(l.watched, token)
	l.mu.Unlock()
	// Closing alone would not remove it: a child that is being forked holds a copy of the descriptor.
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, w.pidfd, nil)
	w.exited(status)
}
