package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// includable are the keys that an included file may hold. The others belong to the daemon as a whole; one place for
// them is enough.
var includable = []string{"$schema", "processes", "roles", "defaults"}

// matches are the files that an element of "include" means, sorted. A pattern may match nothing, a path may not.
func (l *loader) matches(pattern *node) []string {
	full := absolute(l.config.Directory, pattern.text)
	if !strings.ContainsAny(pattern.text, `*?[\`) {
		return []string{filepath.Clean(full)}
	}
	if l.kept != nil {
		return l.keptMatches(full)
	}
	found, err := filepath.Glob(full)
	if err != nil {
		l.report.errorAt(pattern, "not a pattern: "+err.Error(), "known are * ? [a-z] and a backslash before one of them")
		return nil
	}
	// Glob is silent about a directory that it cannot read, and an included process must not vanish for that.
	if directory := filepath.Dir(full); !strings.ContainsAny(directory, `*?[\`) {
		switch _, err := os.ReadDir(directory); {
		case errors.Is(err, fs.ErrNotExist):
			l.report.warnAt(pattern, "there is no directory "+shownName(directory, l.options.WorkingDirectory), "")
		case err != nil:
			l.report.errorAt(pattern, shownName(directory, l.options.WorkingDirectory)+": "+reason(err), "")
		}
	}
	if !strings.HasPrefix(filepath.Base(full), ".") {
		// Editors leave hidden files beside those they write.
		found = slices.DeleteFunc(found, func(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") })
	}
	slices.Sort(found)
	return found
}

// keptMatches are those of the files that an earlier configuration was made of.
func (l *loader) keptMatches(pattern string) []string {
	var found []string
	for path := range l.kept {
		if ok, err := filepath.Match(pattern, path); ok && err == nil {
			found = append(found, path)
		}
	}
	slices.Sort(found)
	return found
}

// repeated refuses a file that was read already: the main file, or one that two patterns match.
func (l *loader) repeated(path string, pattern *node, seen map[string]*node) bool {
	shown := shownName(path, l.options.WorkingDirectory)
	if first := seen[path]; first != nil {
		l.report.errorAt(pattern, shown+" is included twice", fmt.Sprintf("%s on line %d includes it already", first.got(), first.line()))
		return true
	}
	seen[path] = pattern
	if l.kept != nil {
		return false // it was read once already
	}
	info, err := os.Stat(path)
	if err != nil {
		return false // read says why
	}
	for _, f := range l.files {
		other, err := os.Stat(f.path)
		if err != nil || !os.SameFile(info, other) {
			continue
		}
		if f.order == 0 {
			l.report.errorAt(pattern, shown+" is the configuration itself", "a file cannot include itself")
		} else {
			l.report.errorAt(pattern, shown+" is included twice", "it is the same file as "+f.shown)
		}
		return true
	}
	return false
}

// included checks an included file's tree, and that it holds only what it may.
func (l *loader) included(f *file) {
	l.report.structure(f.tree, shapes())
	for _, m := range f.tree.members {
		if shapes().child(m.key) == nil || slices.Contains(includable, m.key) || m.value.quiet() {
			continue
		}
		hint := fmt.Sprintf("write it into %s; an included file holds processes, roles and defaults", l.files[0].shown)
		switch m.key {
		case "env", "env_file":
			hint = fmt.Sprintf("for the processes of this file alone, write it into \"defaults\"; for all of them, into %s", l.files[0].shown)
		case "include":
			hint = fmt.Sprintf("included files include nothing; name it in %s", l.files[0].shown)
		}
		l.report.error(m.at, m.value.path(), "does not belong into an included file", hint)
	}
}

// overlayDefaults lays the defaults of an included file over those of the main one.
func overlayDefaults(main, own *node) *node {
	switch {
	case !own.is(kindObject):
		return main
	case !main.is(kindObject):
		return own
	}
	return overlay(shapes().child("defaults"), main, own)
}
