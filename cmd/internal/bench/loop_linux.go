package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// looper is a supervisor with nothing in it: one goroutine starts children by ForkExec, reaps them and starts them again, and
// one drains their output. native/spawn.c does the same in C.
type looper struct {
	path   string
	argv   []string
	env    []string
	poller int
	slots  map[int]int // by pid
}

// loop is "bench-loop N PROG ARG...": at the first byte on its input it starts N children and says when the last one ran.
// It runs until it is killed; who started it ends the children.
func loop(arguments []string) int {
	fmt.Fprintf(os.Stderr, "bench-loop: error: %v\n", runLoop(arguments))
	return 1
}

// runLoop returns only when something went wrong.
func runLoop(arguments []string) error {
	if len(arguments) < 2 {
		return fmt.Errorf("it needs a number and a command")
	}
	n, err := strconv.Atoi(arguments[0])
	if err != nil {
		return err
	}
	path, err := exec.LookPath(arguments[1])
	if err != nil {
		return err
	}
	poller, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	l := &looper{path: path, argv: arguments[1:], env: os.Environ(), poller: poller, slots: make(map[int]int, n)}
	go l.drain()
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	for i := range n {
		if err := l.start(i); err != nil {
			return err
		}
	}
	fmt.Println(time.Now().UnixNano())
	for {
		pid, err := syscall.Wait4(-1, nil, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		slot := l.slots[pid]
		delete(l.slots, pid)
		if err := l.start(slot); err != nil {
			return err
		}
	}
}

func (l *looper) start(slot int) error {
	var output, errors [2]int
	for _, p := range []*[2]int{&output, &errors} {
		if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
			return fmt.Errorf("pipe: %w", err)
		}
	}
	pid, err := syscall.ForkExec(l.path, l.argv, &syscall.ProcAttr{
		Env: l.env, Files: []uintptr{0, uintptr(output[1]), uintptr(errors[1])}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	l.slots[pid] = slot
	for _, p := range [][2]int{output, errors} {
		_ = syscall.Close(p[1])
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(p[0])}
		if err := syscall.EpollCtl(l.poller, syscall.EPOLL_CTL_ADD, p[0], &event); err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
	}
	return nil
}

func (l *looper) drain() {
	buffer := make([]byte, 65536)
	events := make([]syscall.EpollEvent, 64)
	for {
		n, _ := syscall.EpollWait(l.poller, events, -1)
		for _, e := range events[:max(n, 0)] {
			if k, err := syscall.Read(int(e.Fd), buffer); k == 0 && err == nil {
				// A fork in flight may hold the pipe open: it would be reported under a number that has another meaning by then.
				_ = syscall.EpollCtl(l.poller, syscall.EPOLL_CTL_DEL, int(e.Fd), nil)
				_ = syscall.Close(int(e.Fd))
			}
		}
	}
}

// tell is "bench-child FIFO", the stand-in for native/child.c where there is no C compiler: it tells the time and its number
// as its first act, and then waits for ever.
func tell(fifo string) int {
	record := birthRecord()
	fd, err := syscall.Open(fifo, syscall.O_WRONLY, 0)
	if err != nil {
		return 3
	}
	if n, err := syscall.Write(fd, record); n != len(record) || err != nil {
		return 3
	}
	_ = syscall.Close(fd)
	for {
		time.Sleep(time.Hour)
	}
}

// birthRecord is what a child tells a sink now.
func birthRecord() []byte {
	record := binary.NativeEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
	return binary.NativeEndian.AppendUint64(record, uint64(os.Getpid()))
}
