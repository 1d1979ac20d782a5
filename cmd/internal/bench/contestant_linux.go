package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The contestants.
const (
	ours = "phorever"
	inGo = "Go loop"
	inC  = "C loop"
)

// contestant is one supervisor during one lifetime. It is ready, and has nothing to do until start.
type contestant interface {
	// start starts all children, and returns how long that took until the last one had a pid.
	start() (time.Duration, error)
	// end ends it; the children are swept up afterwards.
	end()
}

// bare is a supervisor with nothing in it.
type bare struct {
	command *exec.Cmd
	order   io.Writer
	answer  *bufio.Reader
}

// newBare prepares one: program is "bench-loop" or its twin in C.
func newBare(ctx context.Context, directory string, program []string, n int, argv []string) (*bare, error) {
	arguments := append(append(program[1:len(program):len(program)], strconv.Itoa(n)), argv...)
	b := &bare{command: exec.CommandContext(ctx, program[0], arguments...)}
	b.command.Dir, b.command.Env = directory, environment(directory)
	in, err := b.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := b.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the runner, which ends it
	if err := b.command.Start(); err != nil {
		return nil, err
	}
	b.order, b.answer = in, bufio.NewReader(out)
	time.Sleep(20 * time.Millisecond) // it has started itself
	return b, nil
}

func (b *bare) start() (time.Duration, error) {
	begin := time.Now().UnixNano()
	if _, err := b.order.Write([]byte{'!'}); err != nil {
		return 0, err
	}
	line, err := b.answer.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("%s did not start its children: %w", b.command.Path, err)
	}
	last, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return time.Duration(last - begin), err
}

func (b *bare) end() {
	_ = b.command.Process.Kill()
	_ = b.command.Wait()
}
