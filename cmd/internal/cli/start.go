package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/cmd/internal/daemon"
	"github.com/dcousineau/phorever/spec"
)

const defaultWait = 30 * time.Second

type startOptions struct {
	background   bool
	wait         wait
	readyFD      int
	keptFD       int
	detached     bool
	leftovers    string
	json         bool
	forcePidfile bool
}

func (a *app) start() *cobra.Command {
	o := &startOptions{wait: wait(defaultWait)}
	command := &cobra.Command{
		Use:   "start [OPTIONS] [ROLE or TARGET…]",
		Short: "makes sure that roles and processes run; becomes the daemon where none is",
		Long: `Makes sure that the named roles run; nothing named means every process. Where no daemon runs for this configuration it
becomes one, in the foreground or with -d in the background; otherwise it asks the daemon, prints what changed and ends.
To start twice is to start once. A bare word means the role first; NAME is a process, NAME:2 one clone of it, @ROLE a
role, all everything. What was stopped starts again, what was given up is tried again.`,
		Example:           "  phorever start -d worker",
		ValidArgsFunction: a.completeTargets,
		RunE: func(_ *cobra.Command, words []string) error {
			return a.runStart(words, o)
		},
	}
	flags := command.Flags()
	flags.BoolVarP(&o.background, "daemon", "d", false, "run in the background; return when everything started is up (default false)")
	flags.Var(&o.wait, "wait", "how long to wait for what was started")
	flags.BoolVar(&o.json, "json", false, "what changed, as JSON (default false)")
	flags.BoolVar(&o.forcePidfile, "force-pidfile", false, "accepted for old scripts: the pid file is always written")
	flags.IntVar(&o.readyFD, "ready-fd", 0, "")
	flags.IntVar(&o.keptFD, "kept-fd", 0, "")
	flags.BoolVar(&o.detached, "detached", false, "")
	flags.StringVar(&o.leftovers, "leftovers", "", "")
	for _, hidden := range []string{"ready-fd", "kept-fd", "detached", "leftovers"} {
		_ = flags.MarkHidden(hidden)
	}
	return command
}

func (a *app) runStart(words []string, o *startOptions) error {
	config, err := a.find()
	if err != nil {
		return err
	}
	options := a.daemonOptions(config, words, o)
	switch {
	case o.readyFD > 0 || o.detached:
		return ended(daemon.InBackground(options, o.readyFD), nil)
	case o.keptFD > 0:
		code, err := daemon.Run(options)
		if errors.Is(err, daemon.ErrRunning) {
			return exit(daemon.SomebodyRuns) // the keeper asks it, as the command that it was
		}
		return ended(code, err)
	}
	client := control.NewClient(control.Locate(config))
	for {
		if _, held := client.Holder(); held {
			report, err := client.Start(interruptible(), actors.StartOrder{Targets: options.Targets, Wait: options.Wait})
			if !errors.Is(err, control.ErrNoDaemon) { // it may have ended meanwhile
				return a.started(report, err, o)
			}
		}
		if !o.background && daemon.Kept() {
			return daemon.Become(options)
		}
		if !o.background {
			if code, err := daemon.Run(options); !errors.Is(err, daemon.ErrRunning) {
				return ended(code, err)
			}
			continue // somebody else was first
		}
		report, err := daemon.Background(interruptible(), options, a.printProblems)
		if !errors.Is(err, daemon.ErrRunning) {
			return a.started(report, err, o)
		}
	}
}

func (a *app) daemonOptions(config string, words []string, o *startOptions) daemon.Options {
	return daemon.Options{
		Config: config, WorkingDirectory: workingDirectory(), Targets: targets(words), Wait: time.Duration(o.wait),
		AllowUnsafe: a.allowUnsafe, Version: version, Terminal: os.Stderr, Problems: a.printProblems, Ready: func(actors.Report) {},
		Program: program(), Arguments: a.arguments(config, words, o), Kept: o.keptFD, Detached: o.detached, Leftovers: daemon.Leftovers(o.leftovers),
	}
}

func (a *app) started(report actors.Report, err error, o *startOptions) error {
	if err != nil {
		return err
	}
	return a.printReport(report, o.json, "already running")
}

// arguments are those of the daemon that --daemon starts.
func (a *app) arguments(config string, words []string, o *startOptions) []string {
	arguments := []string{"start", "--config=" + config, "--wait=" + o.wait.String()}
	if o.background || o.detached {
		arguments = append(arguments, "--detached")
	}
	if o.json {
		arguments = append(arguments, "--json")
	}
	if a.allowUnsafe {
		arguments = append(arguments, "--allow-unsafe")
	}
	if o.leftovers != "" {
		arguments = append(arguments, "--leftovers="+o.leftovers)
	}
	return append(append(arguments, "--"), words...)
}

// program is the path of this binary as it was named: through a symlink, if it was, for that may lead to another one tomorrow.
func program() string {
	real, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	named := os.Args[0]
	if !strings.Contains(named, "/") {
		if named, err = exec.LookPath(named); err != nil {
			return real
		}
	}
	if !filepath.IsAbs(named) {
		named = filepath.Join(workingDirectory(), named)
	}
	a, errA := os.Stat(named)
	b, errB := os.Stat(real)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return filepath.Clean(named)
	}
	return real
}

func ended(code int, err error) error {
	if err == nil && code != 0 {
		return exit(code)
	}
	return err
}

func targets(words []string) []actors.Target {
	all := make([]actors.Target, len(words))
	for i, word := range words {
		all[i] = actors.Target(word)
	}
	return all
}

// wait is an option that holds a length of time.
type wait time.Duration

func (w *wait) String() string { return spec.FormatDuration(time.Duration(*w)) }

// Set reads it.
func (w *wait) Set(text string) error {
	d, err := spec.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%w", err)
	}
	*w = wait(d)
	return nil
}

// Type is what the help calls the value.
func (w *wait) Type() string { return "DURATION" }
