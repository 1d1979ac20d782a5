package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/cmd/internal/control"
)

// mostTold is how many of a clone's events a story holds.
const mostTold = 15

func (a *app) why() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "why [OPTIONS] TARGET…",
		Short: "tells the story of a process: state, how it got there, what happens next",
		Long: `Tells the story of each clone: its state and what happens next and when, how it got there, and the last lines that it
wrote.`,
		Example:           "  phorever why worker",
		Args:              atLeast(1, "why what?", "phorever why worker"),
		ValidArgsFunction: a.completeTargets,
		RunE: func(_ *cobra.Command, words []string) error {
			client, ctx, err := a.client()
			if err != nil {
				return err
			}
			reply, err := client.Why(ctx, words)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(reply)
			}
			for i, story := range reply.Processes {
				if i > 0 {
					fmt.Fprintln(a.stdout)
				}
				a.tell(story)
			}
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "as JSON (default false)")
	return command
}

func (a *app) tell(story control.Story) {
	p := story.Status
	line := fmt.Sprintf("%s (%s) is %s", p.ID, p.Name, p.State)
	if p.Pid != nil {
		line += fmt.Sprintf(", pid %d, up %s", *p.Pid, statusRow(p)[4])
	}
	if p.Reason != "" {
		line += ": " + printable(p.Reason)
	}
	fmt.Fprintln(a.stdout, line)
	var facts []string
	switch {
	case p.Role != nil:
		facts = append(facts, "runs for role "+*p.Role)
	case len(p.Roles) > 0:
		facts = append(facts, "roles "+strings.Join(p.Roles, ", ")+", none of them active")
	}
	if p.Run > 0 {
		facts = append(facts, count(p.Run, "start", "starts"), count(p.FailuresInWindow, "failure counts", "failures count")+" now")
	}
	if p.Exit != nil {
		facts = append(facts, "last end "+p.Exit.At.Format("2006-01-02 15:04:05")+": "+endOf(*p.Exit))
	}
	if p.NextStartAt != nil {
		facts = append(facts, "next start at "+p.NextStartAt.Format("15:04:05"))
	}
	facts = append(facts, fmt.Sprintf("%d lines logged", p.LoggedLines))
	if p.DroppedLines > 0 {
		facts = append(facts, fmt.Sprintf("%d lines dropped", p.DroppedLines))
	}
	for _, fact := range facts {
		fmt.Fprintln(a.stdout, "  "+fact)
	}
	a.tellEvents(story.Events)
	a.tellLines(p.StdoutFile, story.Stdout)
	a.tellLines(p.StderrFile, story.Stderr)
	if p.State == event.Fatal {
		fmt.Fprintf(a.stdout, "\nwhen its cause is mended: phorever reset %s\n", p.ID)
	}
}

func (a *app) tellEvents(events []event.Record) {
	events = slices.DeleteFunc(events, func(e event.Record) bool { return e.Event == (event.RestartScheduled{}).Name() }) // the end before says it
	if len(events) == 0 {
		return
	}
	fmt.Fprintln(a.stdout, "\nhow it got there:")
	if left := len(events) - mostTold; left > 0 {
		fmt.Fprintf(a.stdout, "  (%s before)\n", count(left, "event", "events"))
		events = events[left:]
	}
	for _, e := range events {
		fmt.Fprintf(a.stdout, "  %s  %s\n", e.Time.Format("01-02 15:04:05.000"), printable(e.Message))
	}
}

func (a *app) tellLines(file string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(a.stdout, "\nlast lines of %s:\n", file)
	for _, line := range lines {
		fmt.Fprintln(a.stdout, "  "+printable(strings.TrimRight(line, "\r\n")))
	}
}

// endOf is an end in a few words; why a start failed is in the reason.
func endOf(exit event.Exit) string {
	switch exit.Cause {
	case event.CauseExited, event.CauseSignaled:
		return exit.String()
	case event.CauseSpawnFailed:
		return "it could not be started"
	default:
		return fmt.Sprintf("%s (%s)", exit, exit.Cause)
	}
}
