package cli

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
)

type logsOptions struct {
	lines                       int
	stdout, stderr, raw, reopen bool
	role                        string
}

// logFile is one file and whose lines are in it.
type logFile struct {
	label  string // web:1, or web:* where clones share the file
	path   string
	stderr bool
}

func (a *app) logs() *cobra.Command {
	o := &logsOptions{}
	command := &cobra.Command{
		Use:     "logs [OPTIONS] [TARGET…]",
		Aliases: []string{"tail"},
		Short:   "shows the last lines that processes wrote",
		Long: `Shows the last lines of the log files, each behind the clone that wrote it; NAME:* where clones share a file. Standard
output comes before standard error. It works without a daemon, too.`,
		Example:           "  phorever logs -n 50 worker",
		ValidArgsFunction: a.completeTargets,
		RunE: func(_ *cobra.Command, words []string) error {
			return a.showLogs(words, o)
		},
	}
	flags := command.Flags()
	flags.IntVarP(&o.lines, "lines", "n", 10, "how many last lines of each file")
	flags.BoolVar(&o.stdout, "stdout", false, "only standard output (default: both)")
	flags.BoolVar(&o.stderr, "stderr", false, "only standard error (default: both)")
	flags.StringVar(&o.role, "role", "", "only the processes of this role (default: all)")
	flags.BoolVar(&o.raw, "raw", false, "the lines as they are, without names (default false)")
	flags.BoolVar(&o.reopen, "reopen", false, "have the daemon open every log file anew, after somebody moved them (default false)")
	return command
}

func (a *app) showLogs(words []string, o *logsOptions) error {
	if o.lines < 0 {
		return &usage{fmt.Sprintf("-n %d: must be 0 or more", o.lines), ""}
	}
	if o.role != "" {
		words = append(slices.Clone(words), "@"+o.role)
	}
	client, ctx, err := a.client()
	if err != nil {
		return err
	}
	if o.reopen {
		return client.ReopenLogs(ctx)
	}
	status, err := client.Status(ctx, words, false)
	var files []logFile
	switch {
	case err == nil:
		files = filesOfStatus(status.Processes)
	case errors.Is(err, control.ErrNoDaemon):
		if files, err = a.filesOfConfig(words); err != nil {
			return err
		}
	default:
		return err
	}
	shown := 0
	width := 0
	for _, f := range files {
		width = max(width, len(f.label))
	}
	for _, f := range files {
		if f.stderr && o.stdout && !o.stderr || !f.stderr && o.stderr && !o.stdout {
			continue
		}
		n, err := a.printLast(f, o, width)
		if err != nil {
			a.say("error: %v", err)
		}
		shown += n
	}
	if shown == 0 {
		a.say("nothing was logged yet")
	}
	return nil
}

func (a *app) printLast(f logFile, o *logsOptions, width int) (int, error) {
	lines, err := actors.LastLines(f.path, o.lines)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	for _, line := range lines {
		line = strings.TrimRight(line, "\n")
		if !o.raw {
			line = a.label(f.label, width) + line
		}
		fmt.Fprintln(a.stdout, line)
	}
	return len(lines), err
}

// label is whose line it is, in a colour of its own on a terminal.
func (a *app) label(name string, width int) string {
	text := fmt.Sprintf("%-*s | ", width, name)
	if terminalOf(a.stdout) == nil || !colours() {
		return text
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name))
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", 31+hash.Sum32()%6, text)
}

func filesOfStatus(processes []actors.ProcessStatus) []logFile {
	var all []logFile
	for _, p := range processes {
		all = addLog(all, string(p.ID), p.StdoutFile, false)
		all = addLog(all, string(p.ID), p.StderrFile, true)
	}
	return all
}

// addLog adds a file once, however many clones write into it.
func addLog(all []logFile, id, path string, stderr bool) []logFile {
	if path == "" {
		return all
	}
	for i := range all {
		if all[i].path == path {
			if all[i].label != id {
				name, _, _ := strings.Cut(id, ":")
				all[i].label = name + ":*"
			}
			return all
		}
	}
	return append(all, logFile{id, path, stderr})
}

// filesOfConfig are the log files when there is no daemon to ask.
func (a *app) filesOfConfig(words []string) ([]logFile, error) {
	path, err := a.find()
	if err != nil {
		return nil, err
	}
	config, problems := spec.Load(path, spec.LoadOptions{AllowUnsafe: a.allowUnsafe, WorkingDirectory: workingDirectory()})
	if config == nil {
		return nil, &control.Refusal{Usage: true, Message: "no daemon runs, and the configuration has problems", Problems: problems}
	}
	if len(words) == 0 {
		words = []string{"all"}
	}
	ids, err := actors.ResolveTargets(config, targets(words), false)
	if err != nil {
		return nil, err
	}
	var all []logFile
	for _, id := range ids {
		name, number := id.Split()
		i := slices.IndexFunc(config.Processes, func(p spec.Process) bool { return p.ID == name })
		p := &config.Processes[i]
		stdout, stderr, err := actors.LogFiles(config, p, number)
		if err != nil {
			return nil, err
		}
		all = addLog(addLog(all, string(id), stdout, false), string(id), stderr, true)
	}
	return all, nil
}
