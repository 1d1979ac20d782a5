package spec

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// report gathers what is wrong, once each, in any order.
type report struct {
	found  []finding
	seen   map[findingKey]bool
	failed bool

	secrets []place // whose text is not shown
}

type finding struct {
	problem Problem // without its place in the file
	at      place   // without a source where the problem is of a whole file
	order   int     // of the file
}

type findingKey struct {
	src     *source
	offset  int
	message string
}

func (r *report) error(at place, path, message, hint string) {
	r.add(SeverityError, at, path, message, hint)
}

func (r *report) warn(at place, path, message, hint string) {
	r.add(SeverityWarning, at, path, message, hint)
}

func (r *report) errorAt(n *node, message, hint string) { r.error(n.place, n.path(), message, hint) }

func (r *report) warnAt(n *node, message, hint string) { r.warn(n.place, n.path(), message, hint) }

// add notes a problem. The same one found twice, as a default is by each process, is told once.
func (r *report) add(severity Severity, at place, path, message, hint string) {
	key := findingKey{at.src, at.start, message}
	if r.seen[key] {
		return
	}
	if r.seen == nil {
		r.seen = map[findingKey]bool{}
	}
	r.seen[key] = true
	r.failed = r.failed || severity == SeverityError
	problem := Problem{File: at.src.shown, Severity: severity, Path: path, Message: short(message), Hint: short(hint)}
	r.found = append(r.found, finding{problem, at, at.src.order})
}

// file notes a problem of a file as a whole: it has no line.
func (r *report) file(shown string, order int, message, hint string) {
	r.failed = true
	r.found = append(r.found, finding{Problem{File: shown, Severity: SeverityError, Message: message, Hint: hint}, place{start: -1}, order})
}

// problems are the findings sorted by place; nil when there are none.
func (r *report) problems() Problems {
	slices.SortStableFunc(r.found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.at.start, b.at.start))
	})
	var sorted Problems
	var last place // each column is counted from the one before: a file may be one line, and every key of it wrong
	for _, f := range r.found {
		p := f.problem
		if src := f.at.src; src != nil {
			p.Line = f.at.line()
			if last.src == src && last.line() == p.Line {
				p.Column = sorted[len(sorted)-1].Column + utf8.RuneCount(src.data[last.start:min(f.at.start, len(src.data))])
			} else {
				p.Line, p.Column = src.position(f.at.start)
			}
			p.Excerpt, p.Width = r.masked(src, p.Line), f.at.width()
		}
		last = f.at
		sorted = append(sorted, p)
	}
	return sorted
}

// short cuts what quotes a value that is not a word any more.
func short(text string) string {
	if len(text) <= 600 {
		return text
	}
	return strings.ToValidUTF8(text[:600], "") + "…"
}

// shownName is a file as the user would name it: relative to the working directory where that is shorter.
func shownName(path, workingDirectory string) string {
	if workingDirectory == "" {
		return path
	}
	relative, err := filepath.Rel(workingDirectory, path)
	if err != nil || len(relative) >= len(path) {
		return path
	}
	return relative
}
