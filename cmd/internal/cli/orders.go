package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
)

// order makes a command that sends one order and prints its report.
func (a *app) order(command *cobra.Command, carry func(context.Context, *control.Client, []string) (actors.Report, error)) *cobra.Command {
	var asJSON bool
	if command.ValidArgsFunction == nil {
		command.ValidArgsFunction = a.completeTargets
	}
	command.RunE = func(_ *cobra.Command, words []string) error {
		client, ctx, err := a.client()
		if err != nil {
			return err
		}
		report, err := carry(ctx, client, words)
		if err != nil {
			return err
		}
		return a.printReport(report, asJSON, "")
	}
	command.Flags().BoolVar(&asJSON, "json", false, "what changed, as JSON (default false)")
	return command
}

func (a *app) restart() *cobra.Command {
	rolling, bound := false, wait(defaultWait)
	command := &cobra.Command{
		Use:   "restart [OPTIONS] [TARGET…]",
		Short: "stops and starts",
		Long: `Stops and starts, and returns when everything is up again. Nothing named means every process that should run. By name it
also starts what is STOPPED, EXITED or FATAL; by role, or unnamed, it leaves alone what was stopped. Restarts of one
target that meet are one restart. With --rolling the clones of a process restart one after another (max_unavailable of
their role at once), each up before the next; it ends at the first that does not come up.`,
		Example: "  phorever restart --rolling worker",
	}
	command.Flags().BoolVar(&rolling, "rolling", false, "one clone at a time (default false)")
	command.Flags().Var(&bound, "wait", "how long to wait for what was started")
	return a.order(command, func(ctx context.Context, client *control.Client, words []string) (actors.Report, error) {
		return client.Restart(ctx, actors.RestartOrder{Targets: targets(words), Rolling: rolling, Wait: time.Duration(bound)})
	})
}

func (a *app) scale() *cobra.Command {
	bound := wait(defaultWait)
	command := &cobra.Command{
		Use:   "scale [OPTIONS] NAME=N…",
		Short: "changes the number of clones",
		Long: `Changes how many clones of a process run. Those that stay notice nothing; the highest numbers go first. It holds until
"clones" changes in the configuration; 0 parks the process.`,
		Example: "  phorever scale worker=4",
		Args:    atLeast(1, "scale what?", "phorever scale worker=4"),
	}
	command.Flags().Var(&bound, "wait", "how long to wait for what was started")
	return a.order(command, func(ctx context.Context, client *control.Client, words []string) (actors.Report, error) {
		clones := map[string]int{}
		for _, word := range words {
			name, number, ok := strings.Cut(word, "=")
			n, err := strconv.Atoi(number)
			if !ok || err != nil || n < 0 || name == "" {
				return actors.Report{}, &usage{fmt.Sprintf("%s: must be NAME=N, N a number from 0", word), "for example: phorever scale worker=4"}
			}
			if n > spec.MaxClones {
				return actors.Report{}, &usage{fmt.Sprintf("%s: must be %d at most", word, spec.MaxClones), ""}
			}
			if _, twice := clones[name]; twice {
				return actors.Report{}, &usage{name + " is named twice", ""}
			}
			clones[name] = n
		}
		return client.Scale(ctx, actors.ScaleOrder{Clones: clones, Wait: time.Duration(bound)})
	})
}

func (a *app) signal() *cobra.Command {
	command := &cobra.Command{
		Use:     "signal [OPTIONS] SIGNAL TARGET…",
		Short:   "delivers a signal to processes",
		Long:    `Delivers one signal to the main process of each target that runs. What happens then is an end that nobody ordered.`,
		Example: "  phorever signal USR1 worker",
		Args:    atLeast(2, "which signal, and to whom?", "phorever signal USR1 worker"),
		ValidArgsFunction: func(command *cobra.Command, arguments []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(arguments) == 0 {
				return spec.SignalNames(), cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeTargets(command, arguments, word)
		},
	}
	return a.order(command, func(ctx context.Context, client *control.Client, words []string) (actors.Report, error) {
		signal, err := spec.ParseSignal(words[0])
		if err != nil {
			hint := ""
			if near := spec.Nearest(strings.TrimPrefix(strings.ToUpper(words[0]), "SIG"), spec.SignalNames()); len(near) > 0 {
				hint = "did you mean " + strings.Join(near, " or ") + "?"
			}
			return actors.Report{}, &usage{err.Error(), hint}
		}
		return client.Signal(ctx, actors.SignalOrder{Signal: signal, Targets: targets(words[1:])})
	})
}

func (a *app) pause() *cobra.Command {
	return a.order(&cobra.Command{
		Use:   "pause [OPTIONS] TARGET…",
		Short: "makes processes stand still, and does not restart them",
		Long: `Sends processes their pause signal (STOP unless pause_signal says otherwise) and does not restart them until they are
resumed.`,
		Example: "  phorever pause worker",
		Args:    atLeast(1, "pause what?", "phorever pause worker"),
	}, func(ctx context.Context, client *control.Client, words []string) (actors.Report, error) {
		return client.Pause(ctx, actors.PauseOrder{Targets: targets(words)})
	})
}

func (a *app) resume() *cobra.Command {
	return a.order(&cobra.Command{
		Use:     "resume [OPTIONS] TARGET…",
		Short:   "lets paused processes go on",
		Long:    `Lets paused processes go on, by CONT where they were stopped by STOP. One that ended while it was paused starts again.`,
		Example: "  phorever resume worker",
		Args:    atLeast(1, "resume what?", "phorever resume worker"),
	}, func(ctx context.Context, client *control.Client, words []string) (actors.Report, error) {
		return client.Resume(ctx, actors.ResumeOrder{Targets: targets(words)})
	})
}

func (a *app) reset() *cobra.Command {
	return a.order(&cobra.Command{
		Use:     "reset [OPTIONS] TARGET…",
		Short:   "forgets failures, and starts what was given up",
		Long:    `Clears FATAL and the count of failures, and starts the process. It returns when the start is ordered.`,
		Example: "  phorever reset worker",
		Args:    atLeast(1, "reset what?", "phorever reset worker"),
	}, func(ctx context.Context, client *control.Client, words []string) (actors.Report, error) {
		return client.Reset(ctx, actors.ResetOrder{Targets: targets(words)})
	})
}
