package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// printReport says what became of an order. Clones whose word is quiet are only counted.
func (a *app) printReport(report actors.Report, asJSON bool, quiet string) error {
	for _, note := range report.Notes {
		if asJSON || strings.HasPrefix(note, "warning: ") {
			a.say("%s", note)
		} else {
			fmt.Fprintln(a.stdout, note)
		}
	}
	if asJSON {
		if report.Outcomes == nil {
			report.Outcomes = []actors.Outcome{}
		}
		if err := a.printJSON(report); err != nil {
			return err
		}
	}
	unchanged := 0
	for _, o := range report.Outcomes {
		switch {
		case !o.OK:
			fmt.Fprintf(a.stderr, "phorever: error: %s %s\n", o.ID, o.Problem)
		case asJSON:
		case o.Did == quiet:
			unchanged++
		case o.Pid > 0 && o.State != event.Stopping:
			fmt.Fprintf(a.stdout, "%s %s, pid %d\n", o.ID, o.Did, o.Pid)
		default:
			fmt.Fprintf(a.stdout, "%s %s\n", o.ID, o.Did)
		}
	}
	switch {
	case asJSON:
	case len(report.Outcomes)+len(report.Changes)+len(report.Notes) == 0:
		a.say("there was nothing to do")
	case unchanged > 0 && unchanged == len(report.Outcomes):
		a.say("nothing changed: %s %s", count(unchanged, "process is", "processes are"), quiet)
	}
	if !report.OK() {
		if first := firstProblem(report); first != "" {
			fmt.Fprintf(a.stderr, "phorever: hint: phorever why %s tells its story\n", first)
		}
		return exit(exitFailed)
	}
	return nil
}

func firstProblem(report actors.Report) spec.CloneID {
	for _, o := range report.Outcomes {
		if !o.OK {
			return o.ID
		}
	}
	return ""
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// printProblems shows what is wrong with a configuration, with files named as seen from here.
func (a *app) printProblems(problems spec.Problems) {
	here := workingDirectory()
	shown := make(spec.Problems, len(problems))
	for i, p := range problems {
		if filepath.IsAbs(p.File) && here != "" {
			if relative, err := filepath.Rel(here, p.File); err == nil && len(relative) < len(p.File) {
				p.File = relative
			}
		}
		shown[i] = p
	}
	shown.Print(a.stderr)
}

// table prints rows below a header, as wide as the widest cell of a column. The last column is cut where a terminal ends.
type table struct {
	header []string
	rows   [][]string
	colour func(row, column int) string // an escape sequence or ""
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) {
	widths := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	limit, coloured := 0, false
	if file := terminalOf(w); file != nil {
		limit, _, _ = term.GetSize(int(file.Fd()))
		coloured = t.colour != nil && colours()
	}
	var b strings.Builder
	for r, row := range append([][]string{t.header}, t.rows...) {
		used := 0
		for i, cell := range row {
			pad := widths[i] - utf8.RuneCountInString(cell) + 2
			if i == len(row)-1 {
				pad = 0
				cell = cut(cell, limit-used)
			}
			used += widths[i] + 2
			code := ""
			if coloured && r > 0 {
				code = t.colour(r-1, i)
			}
			if code != "" {
				cell = code + cell + "\x1b[0m"
			}
			b.WriteString(cell + strings.Repeat(" ", pad))
		}
		line := strings.TrimRight(b.String(), " ")
		b.Reset()
		fmt.Fprintln(w, line)
	}
}

// cut shortens a text to a width; 0 or less is no limit.
func cut(text string, width int) string {
	if width <= 0 || utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(0, width-1)]) + "…"
}

// noted is standard output with the first error of it: whoever pipes our answer into a full disk must be told.
type noted struct {
	io.Writer
	err error
}

func (n *noted) Write(p []byte) (int, error) {
	written, err := n.Writer.Write(p)
	if n.err == nil {
		n.err = err
	}
	return written, err
}

// terminalOf is the terminal behind a writer, nil when there is none.
func terminalOf(w io.Writer) *os.File {
	if n, ok := w.(*noted); ok {
		w = n.Writer
	}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}

func colours() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	dim    = "\x1b[2m"
)

// stateColour is how a state looks.
func stateColour(state event.State) string {
	switch state {
	case event.Running:
		return green
	case event.Fatal:
		return red
	case event.Backoff, event.Starting, event.Stopping, event.Paused:
		return yellow
	case event.Stopped, event.Exited:
		return dim
	default:
		return ""
	}
}

// printable keeps control characters of others off the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
}
