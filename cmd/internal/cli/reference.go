package cli

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/cobra"
)

const referenceHead = `# Commands

` + "`phorever [-c FILE] COMMAND`" + `

This page is generated from the command line itself: ` + "`task docs`" + ` writes it again, and a test fails when it is stale.

Without ` + "`-c`" + ` (or ` + "`PHOREVER_CONFIG`" + `) the configuration is the nearest ` + "`phorever.json`" + ` in the working directory or a parent of it.
A daemon is known by the absolute path of its configuration as it was named: symlinks are not followed. Commands find it
without reading the file, so a broken file hides no daemon.

## Targets

| target | means |
|---|---|
| ` + "`NAME`" + ` | a process, all its clones: as written in the configuration, or its machine name (` + "`Short Lived`" + ` is ` + "`short_lived`" + `) |
| ` + "`NAME:2`" + ` | one clone of it, counted from 1; ` + "`NAME:*`" + ` is all of them |
| ` + "`@ROLE`" + ` | every process of the role |
| ` + "`all`" + ` | every process |

A bare word that names only a role means the role. One that names a role and a process means the role in ` + "`start`" + `, and
elsewhere when the role has only that process; otherwise it is refused with a hint.

## Exit codes

| code | means |
|---|---|
| 0 | done |
| 1 | it was tried and failed |
| 2 | asked wrongly: usage, a bad configuration, an unknown target, something that is not supported yet |
| 3 | no daemon runs (` + "`stop`" + ` then is 0: there is nothing to stop) |
| 4 | ` + "`status`" + `: something wanted is STARTING, BACKOFF, FATAL, STOPPING, PAUSED, or EXITED with a failure |
| 10 | ` + "`plan`" + `: changes are due |
| 130 | interrupted while it waited; what was ordered stands |

Results go to standard output, everything else to standard error. Colour appears only on a terminal and never with ` + "`NO_COLOR`" + `.

## Signals to the daemon

| signal | does |
|---|---|
| TERM, INT, QUIT | stop everything in order, then end with 0. A second one, sent after the first was answered, skips what is left of the stop timeouts |
| HUP | reload; where the terminal of a daemon in the foreground is gone, stop |
| USR1 | open every log file anew |
| USR2 | upgrade: become the binary on disk; no process restarts |

They go to the process that the pid file names: the keeper of the daemon, which passes them on. Sent to the daemon itself they mean the
same, half a second later. Ctrl-Z does nothing. Beside KILL and STOP nothing else changes it; after KILL another daemon goes on.

A service manager that passes ` + "`NOTIFY_SOCKET`" + ` is told READY, RELOADING and STOPPING.
`

// Reference is the page docs/reference/cli.md.
func Reference() []byte {
	a := &app{stdout: io.Discard, stderr: io.Discard}
	var page bytes.Buffer
	page.WriteString(referenceHead)
	root := a.command()
	for _, group := range root.Groups() {
		for _, command := range root.Commands() {
			if command.GroupID == group.ID {
				describe(&page, command)
			}
		}
	}
	return page.Bytes()
}

func describe(page *bytes.Buffer, command *cobra.Command) {
	fmt.Fprintf(page, "\n## %s\n\n```\n%s\n```\n\n%s\n", command.Name(), command.UseLine(), command.Long)
	if len(command.Aliases) > 0 {
		fmt.Fprintf(page, "\nAlso called `%s`.\n", strings.Join(command.Aliases, "`, `"))
	}
	command.InitDefaultHelpFlag()
	if options := flagUsages(command.LocalFlags().FlagUsages()); command.HasAvailableLocalFlags() {
		fmt.Fprintf(page, "\n```\n%s\n```\n", strings.TrimRight(options, "\n"))
	}
	fmt.Fprintf(page, "\nExample:\n\n```\n%s\n```\n", strings.TrimSpace(strings.ReplaceAll(command.Example, "\n  ", "\n")))
}

var boolean = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\[=true\|false\] *`) })

// flagUsages leaves out what is true of every switch.
func flagUsages(usages string) string {
	var b strings.Builder
	for line := range strings.Lines(usages) {
		// The text keeps its column.
		b.WriteString(boolean().ReplaceAllStringFunc(line, func(found string) string { return strings.Repeat(" ", len(found)) }))
	}
	return b.String()
}
