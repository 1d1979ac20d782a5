package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
)

func (a *app) reload() *cobra.Command {
	dry, asJSON, bound := false, false, wait(defaultWait)
	command := &cobra.Command{
		Use:   "reload [OPTIONS]",
		Short: "reads the configuration again and applies only what changed",
		Long: `Reads the configuration again and applies only what changed; same as sending HUP to the daemon, but it waits and
reports. A configuration with problems is refused as a whole, and nothing that runs is touched.`,
		Example: "  phorever reload",
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			client, ctx, err := a.client()
			if err != nil {
				return err
			}
			if dry {
				return a.showPlan(ctx, client, asJSON)
			}
			report, err := client.Reload(ctx, time.Duration(bound))
			if err != nil {
				return err
			}
			if !asJSON {
				if len(report.Changes) == 0 {
					a.say("nothing changed")
					return nil
				}
				a.printChanges(report.Changes)
			}
			return a.printReport(report, asJSON, "")
		},
	}
	command.Flags().BoolVar(&dry, "dry-run", false, "only show what it would do; same as plan (default false)")
	command.Flags().Var(&bound, "wait", "how long to wait for what was started")
	command.Flags().BoolVar(&asJSON, "json", false, "what changed, as JSON (default false)")
	return command
}

func (a *app) plan() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "plan [OPTIONS]",
		Short:   "shows what a reload would do, and why",
		Long:    `Shows what a reload would do, process by process, and why. Exit code 0 means nothing, 10 that changes are due.`,
		Example: "  phorever plan",
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			client, ctx, err := a.client()
			if err != nil {
				return err
			}
			return a.showPlan(ctx, client, asJSON)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "as JSON (default false)")
	return command
}

func (a *app) showPlan(ctx context.Context, client *control.Client, asJSON bool) error {
	reply, err := client.Plan(ctx)
	if err != nil {
		return err
	}
	switch {
	case asJSON:
		if err := a.printJSON(reply); err != nil {
			return err
		}
	case len(reply.Changes) == 0:
		a.say("a reload would change nothing")
	default:
		a.printChanges(reply.Changes)
	}
	if len(reply.Changes) > 0 {
		return exit(exitChangesDue)
	}
	return nil
}

func (a *app) printChanges(changes []spec.Change) {
	t := &table{header: []string{"PROCESS", "ACTION", "WHY"}}
	for _, change := range changes {
		who, action := change.Process, string(change.Action)
		if who == "" {
			who = "(daemon)"
		}
		if change.Action == spec.ActionResize {
			action = fmt.Sprintf("resize %d to %d", change.From, change.To)
		}
		t.add(who, action, printable(strings.Join(change.Why, "; ")))
	}
	t.print(a.stdout)
}
