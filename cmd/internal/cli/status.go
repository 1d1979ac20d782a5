package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
)

type statusOptions struct {
	all, json, watch bool
	until            string
	timeout          wait
}

func (a *app) status() *cobra.Command {
	o := &statusOptions{timeout: wait(defaultWait)}
	command := &cobra.Command{
		Use:     "status [OPTIONS] [TARGET…]",
		Aliases: []string{"ps", "ls"},
		Short:   "shows the processes: state, pid, uptime, restarts, cpu, memory, and why",
		Long: `Shows the processes of active roles and all that were ever started. Exit code 0 means that everything wanted is
RUNNING or done, 4 that something is not, 3 that no daemon runs.`,
		Example:           "  phorever status --json",
		ValidArgsFunction: a.completeTargets,
		RunE: func(_ *cobra.Command, words []string) error {
			client, ctx, err := a.client()
			if err != nil {
				return err
			}
			switch {
			case o.until != "":
				return a.statusUntil(ctx, client, words, o)
			case o.watch:
				return a.watch(ctx, client, words, o)
			}
			return a.showStatus(ctx, client, words, o)
		},
	}
	flags := command.Flags()
	flags.BoolVarP(&o.all, "all", "a", false, "also processes that never ran, of roles that are not active (default false)")
	flags.BoolVar(&o.json, "json", false, "as JSON (default false)")
	flags.BoolVarP(&o.watch, "watch", "w", false, "look again every second (default false)")
	flags.StringVar(&o.until, "wait", "", "wait until everything wanted is in `STATE`: running")
	flags.Var(&o.timeout, "timeout", "how long --wait waits")
	return command
}

func (a *app) showStatus(ctx context.Context, client *control.Client, words []string, o *statusOptions) error {
	if o.json {
		return a.showStatusJSON(ctx, client, words, o.all)
	}
	reply, err := client.Status(ctx, words, o.all)
	if err != nil {
		return err
	}
	return a.printStatus(reply, false)
}

// showStatusJSON passes on what the daemon wrote: of a thousand processes it reads the few fields that the exit code needs.
func (a *app) showStatusJSON(ctx context.Context, client *control.Client, words []string, all bool) error {
	text, err := client.StatusJSON(ctx, words, all)
	if err != nil {
		return err
	}
	var shown bytes.Buffer
	shown.Grow(2 * len(text))
	if err := json.Indent(&shown, text, "", "  "); err != nil {
		return fmt.Errorf("the daemon's answer: %w", err)
	}
	if _, err := shown.WriteTo(a.stdout); err != nil {
		return err
	}
	var brief struct {
		Processes []struct {
			State  event.State `json:"state"`
			Wanted bool        `json:"wanted"`
			Failed bool        `json:"failed"`
		} `json:"processes"`
	}
	if err := json.Unmarshal(text, &brief); err != nil {
		return fmt.Errorf("the daemon's answer: %w", err)
	}
	for _, p := range brief.Processes {
		if !well(actors.ProcessStatus{State: p.State, Wanted: p.Wanted, Failed: p.Failed}) {
			return exit(exitNotWell)
		}
	}
	return nil
}

func (a *app) printStatus(reply control.StatusReply, asJSON bool) error {
	if asJSON {
		if err := a.printJSON(reply); err != nil {
			return err
		}
	} else {
		a.statusTable(reply)
	}
	for _, p := range reply.Processes {
		if !well(p) {
			return exit(exitNotWell)
		}
	}
	return nil
}

// well tells whether a process is as it should be.
func well(p actors.ProcessStatus) bool {
	switch p.State {
	case event.Starting, event.Backoff, event.Stopping, event.Paused, event.Fatal:
		return !p.Wanted
	case event.Exited:
		return !p.Wanted || !p.Failed
	default:
		return true
	}
}

func (a *app) statusTable(reply control.StatusReply) {
	t := &table{header: []string{"NAME", "ROLE", "STATE", "PID", "UPTIME", "RESTARTS", "CPU", "MEM", "WHY"}}
	for _, p := range reply.Processes {
		t.add(statusRow(p)...)
	}
	t.colour = func(row, column int) string {
		if column == 2 {
			return stateColour(reply.Processes[row].State)
		}
		return ""
	}
	if len(reply.Processes) > 0 {
		t.print(a.stdout)
	} else {
		a.say("the daemon (pid %d) runs nothing; status --all shows what it could run", reply.Daemon.Pid)
	}
	if reply.Daemon.ConfigError != nil {
		a.say("warning: the configuration was refused, what runs is older: %s", *reply.Daemon.ConfigError)
	}
	if reply.Daemon.StateError != nil {
		a.say("warning: %s", *reply.Daemon.StateError)
	}
	for _, s := range reply.Daemon.Notify {
		a.warnOfNews(s)
	}
	for _, s := range reply.Daemon.Silences {
		a.say("no news of %s until %s", s.Target, s.Until.Format("15:04:05"))
	}
	if reply.Daemon.Stopping {
		a.say("the daemon is stopping")
	}
}

func statusRow(p actors.ProcessStatus) []string {
	role, pid, uptime, cpu, memory := "-", "-", "-", "-", "-"
	if p.Role != nil {
		role = *p.Role
	}
	if p.Pid != nil {
		pid = strconv.Itoa(*p.Pid)
		uptime = spec.FormatDuration(time.Duration(p.UptimeSeconds) * time.Second)
		cpu = fmt.Sprintf("%.1f%%", p.CPUPercent)
		memory = spec.FormatSize(p.MemoryBytes)
	}
	return []string{string(p.ID), role, string(p.State), pid, uptime, strconv.Itoa(p.Restarts), cpu, memory, printable(p.Reason)}
}

const lookEvery = 100 * time.Millisecond

// statusUntil looks until everything wanted is up, or is hopeless, or the time is over.
func (a *app) statusUntil(ctx context.Context, client *control.Client, words []string, o *statusOptions) error {
	switch o.until {
	case "running":
	case "healthy":
		return &usage{"--wait=healthy is not supported yet", "--wait=running waits until everything wanted is RUNNING"}
	default:
		return &usage{fmt.Sprintf("--wait=%s: unknown state", o.until), "--wait=running waits until everything wanted is RUNNING"}
	}
	late := time.After(time.Duration(o.timeout))
	for {
		reply, err := client.Status(ctx, words, o.all)
		if err != nil {
			return err
		}
		if settled(reply) {
			return a.printStatus(reply, o.json)
		}
		select {
		case <-time.After(lookEvery):
		case <-late:
			a.say("not everything is RUNNING after %s", o.timeout.String())
			_ = a.printStatus(reply, o.json)
			return exit(exitNotWell)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settled tells whether waiting longer changes nothing.
func settled(reply control.StatusReply) bool {
	for _, p := range reply.Processes {
		if p.Wanted && !well(p) && !p.Failed && p.State != event.Paused {
			return false
		}
	}
	return true
}

// watch shows the table again every second, in place.
func (a *app) watch(ctx context.Context, client *control.Client, words []string, o *statusOptions) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		reply, err := client.Status(ctx, words, o.all)
		if err != nil {
			return err
		}
		if o.json {
			if err := a.printJSON(reply); err != nil {
				return err
			}
		} else {
			fmt.Fprint(a.stdout, "\x1b[H\x1b[2J")
			fmt.Fprintf(a.stdout, "%s  %s  roles: %s\n\n", reply.Daemon.Config, time.Now().In(reply.Daemon.StartedAt.Location()).Format(time.TimeOnly), strings.Join(reply.Daemon.Roles, " "))
			a.statusTable(reply)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return exit(exitInterrupted)
		}
	}
}

func (a *app) roles() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "roles [OPTIONS]",
		Short:   "shows the roles, their processes, and which are active",
		Long:    `Shows the roles of the configuration of the daemon that runs.`,
		Example: "  phorever roles",
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			client, ctx, err := a.client()
			if err != nil {
				return err
			}
			roles, err := client.Roles(ctx)
			if err != nil {
				return err
			}
			if roles == nil {
				roles = []actors.RoleStatus{}
			}
			if asJSON {
				return a.printJSON(roles)
			}
			t := &table{header: []string{"ROLE", "ACTIVE", "SUPERVISION", "ESSENTIAL", "PROCESSES"}}
			for _, r := range roles {
				t.add(r.Name, yesNo(r.Active), r.Supervision, yesNo(r.Essential), strings.Join(r.Processes, " "))
			}
			t.print(a.stdout)
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "as JSON (default false)")
	return command
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
