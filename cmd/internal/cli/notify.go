package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/cmd/internal/daemon"
	"github.com/dcousineau/phorever/spec"
)

// newsActions are what `notify` can do.
var newsActions = []string{"test", "list", "retry"}

func (a *app) notify() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "notify [OPTIONS] test|list|retry [NAME…]",
		Short: "tries where news goes, lists what waits, tries it again",
		Long: `test sends a sample to each destination of "notify", or to the named ones, and prints what the service answered; exit code 1
where one did not take it. It works without a daemon too. list shows what waits for its delivery, and what has failed for
good. retry tries both at once.`,
		Example: "  phorever notify test ops",
		ValidArgsFunction: func(_ *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(arguments) == 0 {
				return newsActions, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, words []string) error {
			if len(words) == 0 {
				return &usage{"notify what?", "for example: phorever notify test"}
			}
			client, ctx, err := a.client()
			if err != nil {
				return err
			}
			switch words[0] {
			case "test":
				return a.testNews(ctx, client, words[1:], asJSON)
			case "list":
				return a.listNews(ctx, client, words[1:], asJSON)
			case "retry":
				return a.retryNews(ctx, client, words[1:], asJSON)
			}
			hint := "it is one of " + strings.Join(newsActions, ", ")
			if near := spec.Nearest(words[0], newsActions); len(near) > 0 {
				hint = "did you mean " + near[0] + "?"
			}
			return &usage{fmt.Sprintf("notify cannot %q", words[0]), hint}
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "as JSON (default false)")
	return command
}

// testTakes is how long a sample may take.
const testTakes = 30 * time.Second

func (a *app) testNews(ctx context.Context, client *control.Client, names []string, asJSON bool) error {
	ctx, cancel := context.WithTimeout(ctx, testTakes)
	defer cancel()
	tried, err := client.TestNews(ctx, names)
	if errors.Is(err, control.ErrNoDaemon) {
		path, found := a.find()
		if found != nil {
			return found
		}
		config, problems := spec.Load(path, spec.LoadOptions{AllowUnsafe: a.allowUnsafe, WorkingDirectory: workingDirectory()})
		if config == nil || problems.HasErrors() {
			a.printProblems(problems)
			return exit(exitUsage)
		}
		tried, err = daemon.TestNews(ctx, config, names)
	}
	if err != nil {
		return err
	}
	failed := false
	for _, t := range tried {
		failed = failed || t.Error != ""
		switch {
		case asJSON:
		case t.Error != "":
			fmt.Fprintf(a.stderr, "phorever: error: %s (%s): %s\n", t.Name, t.Kind, printable(t.Error))
		default:
			fmt.Fprintf(a.stdout, "%s (%s): %s\n", t.Name, t.Kind, printable(t.Answer))
		}
	}
	if asJSON {
		if err := a.printJSON(tried); err != nil {
			return err
		}
	}
	if failed {
		return exit(exitFailed)
	}
	return nil
}

func (a *app) listNews(ctx context.Context, client *control.Client, names []string, asJSON bool) error {
	reply, err := client.News(ctx)
	if err != nil {
		return err
	}
	wanted := func(sink string) bool { return len(names) == 0 || slices.Contains(names, sink) }
	if asJSON {
		return a.printJSON(reply)
	}
	t := &table{header: []string{"TO", "STATE", "SINCE", "TRIES", "NEXT", "NEWS", "WHY"}}
	for _, m := range reply.Messages {
		if !wanted(m.Sink) {
			continue
		}
		state, next := "PENDING", "-"
		if !m.FailedAt.IsZero() {
			state = "FAILED"
		} else if !m.NextTry.IsZero() {
			next = "in " + spec.FormatDuration(max(0, time.Until(m.NextTry)).Round(time.Second))
		}
		why := "-"
		if m.LastError != "" {
			why = printable(m.LastError)
		}
		t.add(m.Sink, state, m.Message.Time.Format("15:04:05"), fmt.Sprint(m.Attempts), next, cut(printable(m.Message.Headline), 60), why)
	}
	if len(t.rows) > 0 {
		t.print(a.stdout)
	} else {
		a.say("nothing waits, and nothing has failed")
	}
	for _, s := range reply.Silences {
		a.say("nothing is told of %s until %s", s.Target, s.Until.Format("15:04:05"))
	}
	return nil
}

func (a *app) retryNews(ctx context.Context, client *control.Client, names []string, asJSON bool) error {
	n, err := client.RetryNews(ctx, names)
	switch {
	case err != nil:
		return err
	case asJSON:
		return a.printJSON(control.RetryReply{Messages: n})
	case n == 0:
		a.say("there was nothing to do")
	default:
		fmt.Fprintf(a.stdout, "%s tried again now\n", count(n, "message is", "messages are"))
	}
	return nil
}

func (a *app) silence() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "silence [OPTIONS] TARGET DURATION",
		Short: "tells no news of processes for a while",
		Long: `Tells no news of a process, a role or everything for a while, as during a deployment. What has happened meanwhile, and goes
on, is told when it is over. 0 ends it.`,
		Example:           "  phorever silence worker 30m",
		ValidArgsFunction: a.completeTargets,
		Args:              atLeast(2, "silence what, and for how long?", "phorever silence worker 30m"),
		RunE: func(_ *cobra.Command, words []string) error {
			length, err := spec.ParseDuration(words[1])
			if err != nil {
				return &usage{err.Error(), "for example: phorever silence worker 30m"}
			}
			client, ctx, err := a.client()
			if err != nil {
				return err
			}
			s, err := client.Silence(ctx, actors.Target(words[0]), length)
			switch {
			case err != nil:
				return err
			case asJSON:
				return a.printJSON(s)
			case length == 0:
				fmt.Fprintf(a.stdout, "news of %s is told again\n", s.Target)
			default:
				fmt.Fprintf(a.stdout, "no news of %s until %s\n", s.Target, s.Until.Format("2006-01-02 15:04:05 MST"))
			}
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "as JSON (default false)")
	return command
}

// warnOfNews says what is wrong with a destination, if anything is.
func (a *app) warnOfNews(s actors.NewsSink) {
	if s.Since.IsZero() && s.Failed == 0 {
		return
	}
	text := fmt.Sprintf("news to %s (%s)", s.Name, s.Kind)
	if s.Pending > 0 {
		text += ": " + count(s.Pending, "message waits", "messages wait")
	}
	if s.Failed > 0 {
		text += ", " + count(s.Failed, "has failed for good", "have failed for good")
	}
	if !s.Since.IsZero() {
		text += fmt.Sprintf(", it takes none since %s: %s", s.Since.Format("15:04:05"), printable(s.LastError))
	}
	a.say("warning: %s; phorever notify list tells more", strings.Replace(text, "):, ", "): ", 1))
}
