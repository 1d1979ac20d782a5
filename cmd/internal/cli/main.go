package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/cmd/internal/daemon"
)

// version is set when a release is built.
var version = "dev"

// The exit codes.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitNoDaemon    = 3
	exitNotWell     = 4
	exitChangesDue  = 10
	exitInterrupted = 130
)

// app is what the commands share.
type app struct {
	stdout, stderr io.Writer
	config         string // as given by -c
	allowUnsafe    bool
}

// exit ends a command with a code after everything has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usage is a command that was asked wrongly.
type usage struct{ message, hint string }

func (u *usage) Error() string { return u.message }

// Main runs one command and returns its exit code.
func Main(arguments []string, stdout, stderr io.Writer) int {
	if len(arguments) > 0 && arguments[0] == "exec-child" { // on its way to becoming a child: nothing else may happen here
		actors.ExecChild(arguments[1:])
	}
	if len(arguments) > 0 && arguments[0] == daemon.KeepWord { // the same: a keeper is to stay small
		return daemon.Keep(os.Args[0], arguments[1:], version)
	}
	if len(arguments) > 0 && arguments[0] == daemon.TryWord {
		answer, code := daemon.Try(arguments[1:], version)
		_, _ = stdout.Write(answer)
		return code
	}
	out := &noted{Writer: stdout}
	a := &app{stdout: out, stderr: stderr}
	root := a.command()
	root.SetArgs(arguments)
	root.SetOut(out)
	root.SetErr(stderr)
	if word := unknownWord(root, arguments); word != "" { // before --help is looked at, which would explain everything else
		return a.report(a.unknownCommand(word))
	}
	err := root.Execute()
	if err == nil && out.err != nil {
		err = fmt.Errorf("standard output: %w", out.err)
	}
	return a.report(err)
}

// report says what went wrong, and with which exit code.
func (a *app) report(err error) int {
	var code exit
	var asked *usage
	var refusal *control.Refusal
	var unknown *actors.UnknownTarget
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(a.stderr, "phorever: interrupted; what was ordered stands")
		return exitInterrupted
	case errors.Is(err, control.ErrNoDaemon):
		return a.reportNoDaemon()
	case errors.Is(err, control.ErrNoConfig):
		return a.fail(exitUsage, err.Error(), "phorever init writes a first one; -c FILE names one that is elsewhere")
	case errors.As(err, &asked):
		return a.fail(exitUsage, asked.message, asked.hint)
	case errors.As(err, &unknown):
		return a.fail(exitUsage, unknown.Message, unknown.Hint)
	case errors.As(err, &refusal):
		a.printProblems(refusal.Problems)
		if refusal.Usage {
			return a.fail(exitUsage, refusal.Message, refusal.Hint)
		}
		return a.fail(exitFailed, refusal.Message, refusal.Hint)
	}
	return a.fail(exitFailed, err.Error(), "")
}

func (a *app) reportNoDaemon() int {
	if path, err := a.find(); err == nil {
		if refusal := (*control.Refusal)(nil); errors.As(daemon.Elsewhere(path), &refusal) {
			return a.fail(exitNoDaemon, refusal.Message, refusal.Hint)
		}
		if left := a.leftBehind(path); left > 0 {
			return a.fail(exitNoDaemon, fmt.Sprintf("no daemon runs for %s, but %s", path, runOn(left)),
				"phorever start -d takes them back, phorever stop ends them")
		}
	}
	return a.fail(exitNoDaemon, "no daemon runs for "+a.shownConfig(), "phorever start -d starts one; -c FILE names another configuration")
}

func (a *app) fail(code int, message, hint string) int {
	for line := range strings.Lines(message) {
		fmt.Fprintf(a.stderr, "phorever: error: %s\n", strings.TrimRight(line, "\n"))
	}
	for line := range strings.Lines(hint) {
		fmt.Fprintf(a.stderr, "phorever: hint: %s\n", strings.TrimRight(line, "\n"))
	}
	return code
}

func (a *app) say(format string, arguments ...any) {
	fmt.Fprintf(a.stderr, "phorever: "+format+"\n", arguments...)
}

// find is the absolute path of the configuration that is meant.
func (a *app) find() (string, error) { return control.FindConfig(a.config) }

func (a *app) shownConfig() string {
	if path, err := a.find(); err == nil {
		return path
	}
	return control.FileName
}

// client talks to the daemon of the configuration that is meant. The context ends when the user interrupts.
func (a *app) client() (*control.Client, context.Context, error) {
	config, err := a.find()
	if err != nil {
		return nil, nil, err
	}
	return control.NewClient(control.Locate(config)), interruptible(), nil
}

// interruptible ends with the first signal that would end a command. A second one ends the command at once.
func interruptible() context.Context {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// workingDirectory is what file names in messages are relative to.
func workingDirectory() string {
	directory, err := os.Getwd()
	if err != nil {
		return ""
	}
	return directory
}

// atLeast refuses a command that lacks arguments, in words.
func atLeast(n int, what, example string) cobra.PositionalArgs {
	return func(_ *cobra.Command, arguments []string) error {
		if len(arguments) < n {
			return &usage{what, "for example: " + example}
		}
		return nil
	}
}

// atMost refuses a command that has too many arguments, in words.
func atMost(n int, what, hint string) cobra.PositionalArgs {
	return func(command *cobra.Command, arguments []string) error {
		if len(arguments) > n {
			return &usage{fmt.Sprintf("%s takes %s: %q", command.CommandPath(), what, arguments[n]), hint}
		}
		return nil
	}
}

func none(command *cobra.Command, arguments []string) error {
	if len(arguments) > 0 {
		return &usage{fmt.Sprintf("%s takes no argument: %q", command.CommandPath(), arguments[0]), ""}
	}
	return nil
}
