package epoll

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Epoll is an instance. Control may be called by any goroutine; Wait by one at a time; Close when nobody waits.
type Epoll struct {
	fd   int
	file *os.File
	raw  syscall.RawConn // nil where the runtime cannot poll it: then Wait blocks a thread
}

// New makes an instance.
func New() (*Epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	_ = unix.SetNonblock(fd, true) // tells os.NewFile to let the runtime poll it; epoll itself does not look
	e := &Epoll{fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
	if e.file.SetReadDeadline(time.Time{}) == nil {
		e.raw, _ = e.file.SyscallConn()
	}
	return e, nil
}

// Control is epoll_ctl.
func (e *Epoll) Control(operation, fd int, event *unix.EpollEvent) error {
	return unix.EpollCtl(e.fd, operation, fd, event)
}

// Wait is epoll_wait: it returns how many events are ready, none when the time is over. A negative timeout is for ever.
func (e *Epoll) Wait(events []unix.EpollEvent, timeout time.Duration) (int, error) {
	n, err := poll(e.fd, events, 0)
	if n != 0 || err != nil || timeout == 0 {
		return n, err
	}
	if e.raw == nil {
		return poll(e.fd, events, timeout)
	}
	var deadline time.Time
	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	if err := e.file.SetReadDeadline(deadline); err != nil {
		return poll(e.fd, events, timeout)
	}
	late := e.raw.Read(func(fd uintptr) bool {
		n, err = poll(int(fd), events, 0)
		return n != 0 || err != nil
	})
	if late != nil && !errors.Is(late, os.ErrDeadlineExceeded) {
		return 0, late
	}
	return n, err
}

// poll is the system call; an interrupted one has found nothing.
func poll(fd int, events []unix.EpollEvent, timeout time.Duration) (int, error) {
	milliseconds := -1
	if timeout >= 0 {
		milliseconds = int((timeout + time.Millisecond - 1) / time.Millisecond)
	}
	n, err := unix.EpollWait(fd, events, milliseconds)
	if err == unix.EINTR {
		return 0, nil
	}
	return max(n, 0), err
}

// Close ends the instance.
func (e *Epoll) Close() { _ = e.file.Close() }
