package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/cmd/internal/control"
)

const (
	// upgradeWithin is how long the new daemon may take to answer.
	upgradeWithin = 30 * time.Second
	// followsWithin is how long its keeper may take to follow it.
	followsWithin = 5 * time.Second
)

func (a *app) upgrade() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "upgrade [OPTIONS]",
		Short: "the daemon becomes the binary on disk; no process restarts",
		Long: `Makes the running daemon, and then its keeper, become the binary that lies where they were started from; an older one,
too. No process notices: pids, run numbers, output and orders go on. First that binary must show that it runs, and that it
can read the daemon's state: otherwise nothing is changed. USR2 to the daemon does the same.`,
		Example: "  phorever upgrade",
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			client, ctx, err := a.client()
			if err != nil {
				return err
			}
			reply, err := client.Upgrade(ctx)
			if err != nil {
				return err
			}
			now, err := awaitOther(ctx, client, reply.Pid)
			if err != nil {
				return err
			}
			if outcome := now.Upgrade; outcome != nil && outcome.Problem != "" {
				return fmt.Errorf("the upgrade failed: the new daemon %s; the daemon goes on as %s", outcome.Problem, now.Version)
			}
			if now.Version != reply.To { // an older binary tells no outcome
				return fmt.Errorf("the new binary did not come up: the daemon goes on as %s; phorever.log tells why", now.Version)
			}
			if now.Upgrade != nil && !now.Upgrade.Followed {
				a.say("the keeper is still the program before; phorever.log tells why")
			}
			if asJSON {
				return a.printJSON(map[string]any{"from": reply.From, "to": now.Version, "pid": now.Pid, "program": reply.Program})
			}
			fmt.Fprintf(a.stdout, "upgraded from %s to %s (%s), pid %d\n", reply.From, now.Version, reply.Program, now.Pid)
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "as JSON (default false)")
	return command
}

// awaitOther waits until another daemon than the one with that pid answers, and its keeper, which hears the signals, has followed it.
func awaitOther(ctx context.Context, client *control.Client, pid int) (control.DaemonStatus, error) {
	deadline, answered := time.Now().Add(upgradeWithin), time.Time{}
	for {
		status, err := client.Status(ctx, nil, false)
		if now := status.Daemon; err == nil && now.Pid != pid {
			if answered.IsZero() {
				answered = time.Now()
			}
			if now.Upgrade == nil || now.Upgrade.Problem != "" || now.Upgrade.Followed || time.Since(answered) > followsWithin {
				return now, nil
			}
		}
		if ctx.Err() != nil {
			return control.DaemonStatus{}, ctx.Err()
		}
		if time.Now().After(deadline) {
			return control.DaemonStatus{}, fmt.Errorf("no other daemon answers after %s", upgradeWithin)
		}
		select {
		case <-ctx.Done():
			return control.DaemonStatus{}, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
