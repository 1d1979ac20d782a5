package spec

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Severity tells an error, which refuses the configuration, from a warning, which does not.
type Severity string

// The severities of a Problem.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Problem is one thing wrong with a configuration, with its address. Line and Column count from 1, columns in
// characters; a problem of a whole file has neither.
type Problem struct {
	File     string   `json:"file"` // as the user would name it: relative to the working directory where that is shorter
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Severity Severity `json:"severity"`
	Path     string   `json:"path"` // processes[1].clones
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
	Excerpt  string   `json:"excerpt,omitempty"` // the source line
	Width    int      `json:"width,omitempty"`   // characters to underline from Column on
}

// Problems is everything wrong with a configuration, sorted by place.
type Problems []Problem

// maxPrinted is how many problems are printed: whoever has more repairs these first.
const maxPrinted = 20

// String is the problem on one line, without the excerpt, which may hold a secret: the form for logs.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(clean(p.File))
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	fmt.Fprintf(&b, ": %s: ", p.Severity)
	if p.Path != "" {
		b.WriteString(clean(p.Path) + ": ")
	}
	b.WriteString(clean(p.Message))
	return b.String()
}

// Errors are the problems that refuse the configuration.
func (p Problems) Errors() Problems { return p.only(SeverityError) }

// Warnings are the problems that do not.
func (p Problems) Warnings() Problems { return p.only(SeverityWarning) }

func (p Problems) only(severity Severity) Problems {
	var some Problems
	for _, problem := range p {
		if problem.Severity == severity {
			some = append(some, problem)
		}
	}
	return some
}

// HasErrors tells whether the configuration is refused.
func (p Problems) HasErrors() bool { return len(p.Errors()) > 0 }

// String is what Print writes.
func (p Problems) String() string {
	var b strings.Builder
	p.Print(&b)
	return b.String()
}

// Print writes each problem with its source line, a mark below it, and the hint; 20 of them at most. Where there are
// more, warnings give way to errors.
func (p Problems) Print(w io.Writer) {
	shown := p
	if len(shown) > maxPrinted && p.HasErrors() {
		shown = p.Errors()
	}
	shown = shown[:min(len(shown), maxPrinted)]
	for _, problem := range shown {
		problem.print(w)
	}
	switch more := len(p) - len(shown); {
	case more == 1:
		fmt.Fprintln(w, "… and 1 problem more")
	case more > 1:
		fmt.Fprintf(w, "… and %d problems more\n", more)
	}
}

func (p Problem) print(w io.Writer) {
	fmt.Fprintln(w, p.String())
	if p.Line > 0 && p.Excerpt != "" {
		text, column := window(clean(p.Excerpt), p.Column)
		width := max(1, min(p.Width, len([]rune(text))-column+1))
		fmt.Fprintf(w, "%5d | %s\n", p.Line, text)
		fmt.Fprintf(w, "      | %s^%s\n", strings.Repeat(" ", column-1), strings.Repeat("~", width-1))
	}
	if p.Hint != "" {
		fmt.Fprintf(w, "      = hint: %s\n", clean(p.Hint))
	}
}

// maxExcerpt is how many characters of a source line are printed.
const maxExcerpt = 120

// window cuts a long line to what lies around the column, and says which column that is now.
func window(text string, column int) (string, int) {
	runes := []rune(text)
	column = max(1, min(column, len(runes)+1))
	if len(runes) <= maxExcerpt {
		return text, column
	}
	from := max(0, min(column-1-maxExcerpt/3, len(runes)-maxExcerpt))
	to := from + maxExcerpt
	cut := append([]rune{}, runes[from:to]...)
	if from > 0 {
		cut[0] = '…'
	}
	if to < len(runes) {
		cut[len(cut)-1] = '…'
	}
	return string(cut), column - from
}

// clean keeps a terminal safe from what a file holds, one character for one, so that columns stay true.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '·'
		}
		return r
	}, text)
}
