package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/keeper"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
	"golang.org/x/sys/unix"
)

// notice is what a daemon in the background says to whoever started it, one JSON object a line over the readiness pipe.
// The pipe is closed after the report or the refusal; closed without either, the daemon has died.
type notice struct {
	Warnings spec.Problems    `json:"warnings,omitempty"`
	Running  bool             `json:"running,omitempty"` // somebody else was first
	Refusal  *control.Refusal `json:"refusal,omitempty"`
	Report   *actors.Report   `json:"report,omitempty"`
}

// Background starts a daemon that outlives us, with the options' arguments, under a keeper where there can be one, and returns
// when everything it started is up, or what is not. ErrRunning, a *control.Refusal and other errors mean that there is no daemon
// of ours. When ctx ends the daemon goes on.
func Background(ctx context.Context, options Options, warn func(spec.Problems)) (actors.Report, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return actors.Report{}, err
	}
	defer ours.Close()
	program, err := os.Executable() // by its name: ps and top show it
	if err != nil {
		program = self()
	}
	arguments := slices.Insert(slices.Clone(options.Arguments), 1, "--ready-fd=3")
	if Kept() {
		order := keeper.Fresh(os.Args[0], options.Program, options.WorkingDirectory, options.Arguments)
		order.Ready = 3
		arguments = order.Argv()[1:]
	}
	command := exec.Command(program, arguments...)
	command.Args[0] = os.Args[0]
	command.Stderr = os.Stderr // until it is ready: a crash on the way must be seen
	command.ExtraFiles = []*os.File{theirs}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = command.Start()
	_ = theirs.Close()
	if err != nil {
		return actors.Report{}, fmt.Errorf("start the daemon: %w", err)
	}
	pid, began := command.Process.Pid, time.Now()
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	stop := context.AfterFunc(ctx, func() { _ = ours.Close() })
	defer stop()
	lines := json.NewDecoder(bufio.NewReader(ours))
	for {
		var n notice
		if err := lines.Decode(&n); err != nil {
			if ctx.Err() != nil {
				return actors.Report{}, ctx.Err()
			}
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return actors.Report{}, fmt.Errorf("the daemon (pid %d) speaks unclearly: %w", pid, err)
			}
			options.Wait = max(0, options.Wait-time.Since(began))
			report, err := askNext(ctx, options)
			if !errors.Is(err, control.ErrNoDaemon) {
				return report, err
			}
			select {
			case <-ended:
			case <-ctx.Done():
				return actors.Report{}, ctx.Err()
			}
			return actors.Report{}, &control.Refusal{
				Message: fmt.Sprintf("the daemon (pid %d) ended (%s) before it was ready", pid, command.ProcessState),
				Hint:    "phorever.log tells more; without --daemon you see what it says",
			}
		}
		switch {
		case n.Running:
			return actors.Report{}, ErrRunning
		case n.Refusal != nil:
			return actors.Report{}, n.Refusal
		case n.Report != nil:
			return *n.Report, nil
		case len(n.Warnings) > 0:
			warn(n.Warnings)
		}
	}
}

// askNext asks the daemon that was started in the place of one that was killed before it was ready: that one has no pipe to whoever
// waits. Where none was the error is control.ErrNoDaemon.
func askNext(ctx context.Context, options Options) (report actors.Report, err error) {
	client := control.NewClient(control.Locate(options.Config))
	if options.Leftovers == LeftoversJoin {
		report, err = client.Start(ctx, actors.StartOrder{Targets: options.Targets, Wait: options.Wait})
	} else { // it starts nothing
		_, err = client.Status(ctx, nil, false)
	}
	return report, err
}

// InBackground is Run for a daemon that Background has started: fd is its end of the readiness pipe, 0 for one that goes on for
// an earlier one, and for whom nobody waits.
func InBackground(options Options, fd int) int {
	var pipe *os.File
	if fd > 0 {
		pipe = os.NewFile(uintptr(fd), "readiness pipe "+strconv.Itoa(fd))
		syscall.CloseOnExec(fd)
	}
	tell := func(n notice) {
		if pipe != nil {
			_ = json.NewEncoder(pipe).Encode(n) // whoever started us may have left
		}
	}
	_ = os.Chdir("/") // a file system that we stand on could not be unmounted
	options.Terminal = nil
	options.Problems = func(problems spec.Problems) { tell(notice{Warnings: problems}) }
	options.Ready = func(report actors.Report) {
		tell(notice{Report: &report})
		if pipe != nil {
			_ = pipe.Close()
		}
		leaveTerminal()
	}
	code, err := Run(options)
	var refusal *control.Refusal
	var unknown *actors.UnknownTarget
	switch {
	case err == nil:
		return code
	case errors.Is(err, ErrRunning):
		tell(notice{Running: true})
	case errors.As(err, &refusal):
		tell(notice{Refusal: refusal})
	case errors.As(err, &unknown):
		tell(notice{Refusal: &control.Refusal{Usage: true, Message: unknown.Message, Hint: unknown.Hint}})
	default:
		tell(notice{Refusal: &control.Refusal{Message: err.Error()}})
		if pipe == nil {
			fmt.Fprintf(os.Stderr, "phorever: error: %v\n", err)
		}
	}
	return 1
}

// leaveTerminal lets go of the standard error of whoever started us: a session that we keep open could not end.
func leaveTerminal() {
	if null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0); err == nil {
		_ = unix.Dup2(int(null.Fd()), 2)
		_ = null.Close()
	}
}
