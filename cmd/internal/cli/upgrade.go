package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/cmd/internal/control"
)

// upgradeWithin is how long the new daemon may take to answer.
const upgradeWithin = 30 * time.Second

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
			if now.Version != reply.To {
				return fmt.Errorf("the new binary did not come up: the daemon goes on as %s; phorever.log tells why", now.Version)
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

// awaitOther waits until another daemon than the one with that pid answers.
func awaitOther(ctx context.Context, client *control.Client, pid int) (control.DaemonStatus, error) {
	for deadline := time.Now().Add(upgradeWithin); ; {
		status, err := client.Status(ctx, nil, false)
		if err == nil && status.Daemon.Pid != pid {
			return status.Daemon, nil
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
