package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

func (a *app) events() *cobra.Command {
	var follow, asJSON bool
	var since string
	command := &cobra.Command{
		Use:     "events [OPTIONS]",
		Short:   "shows what happened: the last 1,000 events",
		Long:    `Shows the last 1,000 events, oldest first, and with -f those that come. With --json one object a line.`,
		Example: "  phorever events --since 10m",
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			now := time.Now()
			if _, err := parseMoment("--since", since, now); err != nil { // also where there is no daemon
				return err
			}
			client, ctx, err := a.client()
			if err != nil {
				return err
			}
			var from time.Time
			if since != "" {
				status, err := client.Status(ctx, nil, false)
				if err != nil {
					return err
				}
				if from, err = parseMoment("--since", since, now.In(status.Daemon.Zone())); err != nil {
					return err
				}
			}
			encoder := json.NewEncoder(a.stdout)
			encoder.SetEscapeHTML(false)
			err = client.Events(ctx, follow, func(e event.Record) error {
				switch {
				case e.Time.Before(from):
					return nil
				case asJSON:
					return encoder.Encode(e)
				}
				_, err := fmt.Fprintf(a.stdout, "%s  %-5s  %s\n", e.Time.Format("2006-01-02T15:04:05.000Z07:00"), strings.ToUpper(string(e.Severity)[:4]), printable(e.Message))
				return err
			})
			if ctx.Err() != nil {
				return exit(exitInterrupted)
			}
			return err
		},
	}
	command.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes (default false)")
	command.Flags().StringVar(&since, "since", "", "only younger ones: a DURATION before now, or a time (RFC 3339; without an offset in timezone) (default: all)")
	command.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line (default false)")
	return command
}

// parseMoment reads what an option says: a length of time before now, or a moment, in now's time zone unless it has an offset; the zero time
// for nothing.
func parseMoment(option, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := spec.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, &usage{fmt.Sprintf("%s %s: neither a length of time nor a moment", option, text), fmt.Sprintf("for example: %s 10m, %[1]s 2026-01-31T14:00:00Z", option)}
}
