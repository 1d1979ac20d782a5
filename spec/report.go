package spec

import (
	"cmp"
	"path/filepath"
	"slices"
)

// report gathers what is wrong, once each, in any order.
type report struct {
	found  []finding
	seen   map[findingKey]bool
	failed bool
}

type finding struct {
	problem Problem
	order   int // of the file
	offset  int
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

func (r *report) errorAt(n *node, message, hint string) { r.error(n.place, n.path, message, hint) }

func (r *report) warnAt(n *node, message, hint string) { r.warn(n.place, n.path, message, hint) }

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
	line, column := at.src.position(at.start)
	r.found = append(r.found, finding{
		Problem{File: at.src.shown, Line: line, Column: column, Severity: severity, Path: path, Message: message, Hint: hint,
			Excerpt: at.src.line(line), Width: at.width()},
		at.src.order, at.start,
	})
}

// file notes a problem of a file as a whole: it has no line.
func (r *report) file(shown string, order int, message, hint string) {
	r.failed = true
	r.found = append(r.found, finding{Problem{File: shown, Severity: SeverityError, Message: message, Hint: hint}, order, -1})
}

// problems are the findings sorted by place; nil when there are none.
func (r *report) problems() Problems {
	slices.SortStableFunc(r.found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.offset, b.offset))
	})
	var sorted Problems
	for _, f := range r.found {
		sorted = append(sorted, f.problem)
	}
	return sorted
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
