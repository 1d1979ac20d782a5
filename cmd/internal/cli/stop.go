package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/cmd/internal/daemon"
	"github.com/dcousineau/phorever/spec"
)

func (a *app) stop() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "stop [OPTIONS] [TARGET…]",
		Short: "stops processes; without a target everything, and then the daemon",
		Long: `Stops every process and then the daemon, and returns when nothing is left of either. With targets it stops those and
keeps the daemon; "all" does the same for all of them. Each process gets its stop signal, and KILL when its stop timeout
is over. What was stopped stays stopped, across reloads, until somebody starts it. Processes whose daemon was killed are
taken back first.`,
		Example:           "  phorever stop @worker",
		ValidArgsFunction: a.completeTargets,
		RunE: func(_ *cobra.Command, words []string) error {
			client, ctx, err := a.client()
			if err != nil {
				return err
			}
			err = a.runStop(ctx, client, words, asJSON)
			if !errors.Is(err, control.ErrNoDaemon) {
				return err
			}
			if err := a.takeBack(ctx, words); err != nil {
				return err
			}
			if err = a.runStop(ctx, client, words, asJSON); errors.Is(err, control.ErrNoDaemon) {
				return a.stopped(asJSON) // it was faster than we
			}
			return err
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "what changed, as JSON (default false)")
	return command
}

func (a *app) runStop(ctx context.Context, client *control.Client, words []string, asJSON bool) error {
	if len(words) > 0 {
		report, err := client.Stop(ctx, actors.StopOrder{Targets: targets(words)})
		if err != nil {
			return err
		}
		return a.printReport(report, asJSON, "already stopped")
	}
	if err := client.Shutdown(ctx); err != nil {
		return err
	}
	return a.stopped(asJSON)
}

func (a *app) stopped(asJSON bool) error {
	a.say("everything is stopped, and so is the daemon")
	if asJSON {
		return a.printReport(actors.Report{}, true, "")
	}
	return nil
}

// takeBack begins a daemon for the processes of one that was killed, to end all of them where no words are given. Without such processes it
// says so, and that is all there is to do.
func (a *app) takeBack(ctx context.Context, words []string) error {
	path, err := a.find()
	if err != nil {
		return err
	}
	if err := daemon.Elsewhere(path); err != nil {
		return err
	}
	left := a.leftBehind(path)
	if left == 0 {
		a.say("no daemon runs: there is nothing to stop")
		return exit(0)
	}
	a.say("no daemon runs, but %s; taking back", runOn(left))
	o := &startOptions{background: true, wait: wait(defaultWait), leftovers: string(daemon.LeftoversTake)}
	if len(words) == 0 {
		o.leftovers = string(daemon.LeftoversEnd)
	}
	if _, err = daemon.Background(ctx, a.daemonOptions(path, nil, o), a.printProblems); errors.Is(err, daemon.ErrRunning) {
		return nil // somebody else was first
	}
	return err
}

// runOn says of how many processes a daemon was killed.
func runOn(left int) string {
	if left == 1 {
		return "1 of its processes does"
	}
	return fmt.Sprintf("%d of its processes do", left)
}

// leftBehind is how many processes of a configuration run on although no daemon does.
func (a *app) leftBehind(path string) int {
	config, _ := spec.Load(path, spec.LoadOptions{AllowUnsafe: true, WorkingDirectory: workingDirectory()})
	return daemon.LeftBehind(path, config)
}
