package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/cmd/internal/daemon"
	"github.com/dcousineau/phorever/spec"
)

type logsOptions struct {
	lines, run                                  int
	stdout, stderr, raw, reopen, follow, asJSON bool
	oneRun                                      bool
	role, grep, since, until                    string

	pattern  *regexp.Regexp // nil: everything
	now      time.Time
	from, to time.Time // zero: no bound
	ids      []string  // whose lines are wanted where several write into one file: clones, or names of processes; nil is all
}

// logFile is one file and whose lines are in it.
type logFile struct {
	label          string // web:1, or web:* where it is not the only one that writes into the file
	path           string
	stdout, stderr bool // what is in it
}

func (a *app) logs() *cobra.Command {
	o := &logsOptions{}
	command := &cobra.Command{
		Use:     "logs [OPTIONS] [TARGET…]",
		Aliases: []string{"tail"},
		Short:   "shows the last lines that processes wrote, and follows them",
		Long: `Shows the last lines of the logs in the order in which they came, each behind the clone that wrote it; NAME:* where that is
not known. Where a file is too short, what was put aside of it is read too, compressed or not. It works without a daemon; with -f
across restarts, rotation and the death of the daemon. On a terminal control characters are shown, not obeyed.`,
		Example:           "  phorever logs -f -n 50 worker\n  phorever logs --grep 'error|fatal' --since 1h @web",
		ValidArgsFunction: a.completeTargets,
		RunE: func(command *cobra.Command, words []string) error {
			if (o.since != "" || o.run > 0) && !command.Flags().Changed("lines") {
				o.lines = math.MaxInt
			}
			o.oneRun = command.Flags().Changed("run")
			return a.showLogs(words, o)
		},
	}
	flags := command.Flags()
	flags.IntVarP(&o.lines, "lines", "n", 10, "how many last lines of each file; all of them with --since or --run")
	flags.BoolVarP(&o.follow, "follow", "f", false, "go on with the lines that come (default false)")
	flags.StringVar(&o.since, "since", "", "only younger lines: a DURATION before now, or a time (RFC 3339; without an offset in timezone) (default: all)")
	flags.StringVar(&o.until, "until", "", "only older lines: a DURATION before now, or a time (RFC 3339; without an offset in timezone) (default: all)")
	flags.IntVar(&o.run, "run", 0, "only the lines of this run, as status --json numbers them (default: all)")
	flags.StringVar(&o.grep, "grep", "", "only lines that match this regular expression, RE2 syntax (default: all)")
	flags.BoolVar(&o.stdout, "stdout", false, "only standard output (default: both)")
	flags.BoolVar(&o.stderr, "stderr", false, "only standard error (default: both)")
	flags.StringVar(&o.role, "role", "", "only the processes of this role (default: all)")
	flags.BoolVar(&o.raw, "raw", false, "the lines as they are, without names, control characters too (default false)")
	flags.BoolVar(&o.asJSON, "json", false, "one JSON object a line (default false)")
	flags.BoolVar(&o.reopen, "reopen", false, "have the daemon open every log file anew, after somebody moved them (default false)")
	return command
}

// read reads what is written as text. A time without an offset is one of now's zone.
func (o *logsOptions) read(now time.Time) (err error) {
	switch {
	case o.lines < 0:
		return &usage{fmt.Sprintf("-n %d: must be 0 or more", o.lines), ""}
	case o.oneRun && o.run < 1:
		return &usage{fmt.Sprintf("--run %d: must be 1 or more", o.run), "phorever status --json tells the number of the run that is"}
	}
	if o.grep != "" {
		if o.pattern, err = regexp.Compile(o.grep); err != nil {
			return &usage{fmt.Sprintf("--grep: %v", err), "the syntax is RE2: https://github.com/google/re2/wiki/Syntax"}
		}
	}
	if o.from, err = parseMoment("--since", o.since, now); err != nil {
		return err
	}
	o.to, err = parseMoment("--until", o.until, now)
	return err
}

// readIn reads it in the time zone of the configuration.
func (o *logsOptions) readIn(zone *time.Location) error {
	if err := o.read(o.now.In(zone)); err != nil {
		return err
	}
	if !o.to.IsZero() && o.to.Before(o.from) {
		return &usage{"--until is before --since", ""}
	}
	return nil
}

func (a *app) showLogs(words []string, o *logsOptions) error {
	o.now = time.Now()
	if err := o.read(o.now); err != nil { // also where there is no configuration
		return err
	}
	client, ctx, err := a.client()
	if err != nil {
		return err
	}
	if o.reopen {
		return client.ReopenLogs(ctx)
	}
	shown, err := a.logsOf(ctx, client, words, o.role)
	if err != nil {
		return err
	}
	if err := o.readIn(shown.zone); err != nil {
		return err
	}
	o.ids = shown.wanted(words, o.role)
	v := newView(a, o, &shown)
	defer v.close()
	if err := v.last(ctx, shown.files); err != nil {
		return err
	}
	switch {
	case o.follow:
	case ctx.Err() != nil:
		return exit(exitInterrupted)
	case v.failed:
		return exit(exitFailed)
	default:
		return nil
	}
	return v.follow(ctx, func() []logFile {
		shown, err := a.logsOf(ctx, client, words, o.role)
		if err != nil {
			return nil // whatever is known is followed on
		}
		o.ids = shown.wanted(words, o.role)
		return shown.files
	})
}

// shownLogs are the logs of some clones.
type shownLogs struct {
	files   []logFile
	ids     []string
	writers map[string][]string // of a file: whoever writes into it, asked for or not
	index   string              // where their indexes are
	zone    *time.Location
}

// wanted is whose lines are shown of a file that others write into too. Clones that are no more have written as well, so that a name
// without a number stands for all that ever had it.
func (s *shownLogs) wanted(words []string, role string) []string {
	if (len(words) == 0 || slices.Contains(words, "all")) && role == "" {
		return nil
	}
	if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(word, ":") }) {
		return s.ids
	}
	var names []string
	for _, id := range s.ids {
		names = append(names, id[:strings.LastIndexByte(id, ':')])
	}
	return names
}

func (s *shownLogs) add(id, stdout, stderr string) {
	s.ids = append(s.ids, id)
	s.addFile(id, stdout, false)
	s.addFile(id, stderr, true)
}

// wrote says that a clone, asked for or not, writes into a file.
func (s *shownLogs) wrote(id string, paths ...string) {
	if s.writers == nil {
		s.writers = map[string][]string{}
	}
	for _, path := range paths {
		if !slices.Contains(s.writers[path], id) {
			s.writers[path] = append(s.writers[path], id)
		}
	}
}

// addFile adds a file once, however many clones write into it.
func (s *shownLogs) addFile(id, path string, stderr bool) {
	if path == "" {
		return
	}
	s.wrote(id, path)
	label := id
	if len(s.writers[path]) > 1 {
		name, _, _ := strings.Cut(id, ":")
		label = name + ":*"
	}
	for i := range s.files {
		if f := &s.files[i]; f.path == path {
			f.label = label
			f.stdout, f.stderr = f.stdout || !stderr, f.stderr || stderr
			return
		}
	}
	s.files = append(s.files, logFile{label, path, !stderr, stderr})
}

// ofRole are targets, of which only those that are in the role too are meant, if one is named.
func ofRole(words []string, role string) (asked, within []string) {
	switch {
	case role == "":
		return words, nil
	case len(words) == 0:
		return []string{"@" + role}, nil
	}
	return words, []string{"@" + role}
}

// logsOf are the logs of the targets: as the daemon names them, or without one as the configuration does.
func (a *app) logsOf(ctx context.Context, client *control.Client, words []string, role string) (shownLogs, error) {
	words, within := ofRole(words, role)
	status, err := client.Status(ctx, words, false)
	if errors.Is(err, control.ErrNoDaemon) {
		return a.logsOfConfig(words, within)
	}
	if err != nil {
		return shownLogs{}, err
	}
	if within != nil {
		members, err := client.Status(ctx, within, false)
		if err != nil {
			return shownLogs{}, err
		}
		status.Processes = slices.DeleteFunc(status.Processes, func(p actors.ProcessStatus) bool {
			return !slices.ContainsFunc(members.Processes, func(m actors.ProcessStatus) bool { return m.ID == p.ID })
		})
	}
	all, err := client.Status(ctx, nil, true)
	if err != nil {
		return shownLogs{}, err
	}
	shown := shownLogs{index: daemon.LogIndex(status.Daemon.StateDirectory), zone: status.Daemon.Zone()}
	for _, p := range all.Processes {
		shown.wrote(string(p.ID), p.StdoutFile, p.StderrFile)
	}
	for _, p := range status.Processes {
		shown.add(string(p.ID), p.StdoutFile, p.StderrFile)
	}
	return shown, nil
}

// logsOfConfig are the logs when there is no daemon to ask.
func (a *app) logsOfConfig(words, within []string) (shownLogs, error) {
	path, err := a.find()
	if err != nil {
		return shownLogs{}, err
	}
	config, problems := spec.Load(path, spec.LoadOptions{AllowUnsafe: a.allowUnsafe, WorkingDirectory: workingDirectory()})
	if config == nil {
		return shownLogs{}, &control.Refusal{Usage: true, Message: "no daemon runs, and the configuration has problems", Problems: problems}
	}
	if len(words) == 0 {
		words = []string{"all"}
	}
	ids, err := actors.ResolveTargets(config, targets(words), false)
	if err != nil {
		return shownLogs{}, err
	}
	if within != nil {
		members, err := actors.ResolveTargets(config, targets(within), false)
		if err != nil {
			return shownLogs{}, err
		}
		ids = slices.DeleteFunc(ids, func(id spec.CloneID) bool { return !slices.Contains(members, id) })
	}
	all, err := actors.ResolveTargets(config, targets([]string{"all"}), false)
	if err != nil {
		return shownLogs{}, err
	}
	shown := shownLogs{index: daemon.LogIndex(daemon.StateDirectory(config, control.Locate(path))), zone: config.Timezone}
	for place, id := range slices.Concat(all, ids) { // everybody first, then those that are asked for
		name, number := id.Split()
		i := slices.IndexFunc(config.Processes, func(p spec.Process) bool { return p.ID == name })
		stdout, stderr, err := actors.LogFiles(config, &config.Processes[i], number)
		switch {
		case place < len(all):
			shown.wrote(string(id), stdout, stderr) // a name that cannot be told is nobody's
		case err != nil:
			return shownLogs{}, err
		default:
			shown.add(string(id), stdout, stderr)
		}
	}
	return shown, nil
}
