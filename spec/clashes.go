package spec

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// clashes refuses files of which one would destroy the other: the pid file is written over whatever is there and removed
// in the end, and a log grows at the end of whatever has its name. Paths are compared as they are named.
func (l *loader) clashes(document *node, processes []written) {
	files := make([][]logPath, len(processes))
	logs := map[string]string{l.config.Logging.Own(): "the daemon's own log"}
	for i, p := range processes {
		files[i] = l.logPaths(p)
		for _, file := range files[i] {
			if logs[file.path] == "" {
				logs[file.path] = fmt.Sprintf("the log of %q", p.Name)
			}
		}
	}
	read := l.readFiles(processes)
	pidfile, at := filepath.Clean(l.config.Pidfile), document.get("pidfile")
	named := at != nil && at.src.path != ""
	if !named {
		at = &node{place: l.files[0].tree.opening(), step: "pidfile"}
	}
	what := read[pidfile]
	if what == "" && named { // else the log is to blame, which has chosen its name
		what = logs[pidfile]
	}
	if what != "" {
		l.report.errorAt(at, fmt.Sprintf("%s is %s, which the daemon would overwrite, and remove when it stops", l.shown(pidfile), what),
			`name a file of its own, such as "./app.pid"`)
	}
	for i, p := range processes {
		for _, file := range files[i] {
			what := read[file.path]
			if own := p.whole.get(file.key); what == "" && file.path == pidfile && (!named || own != nil && own.src.path != "") {
				what = "the pid file"
			}
			if what != "" {
				l.report.errorAt(l.anchor(p, file.key), fmt.Sprintf("its output would go into %s, which is %s", l.shown(file.path), what),
					"choose another name, or another "+file.key)
			}
		}
	}
	l.asides(processes, files)
}

// logPath is one file that a process writes.
type logPath struct{ key, path string }

func (l *loader) shown(path string) string { return shownName(path, l.options.WorkingDirectory) }

// readFiles are the configuration and what it refers to, by path.
func (l *loader) readFiles(processes []written) map[string]string {
	files := map[string]string{}
	note := func(path, what string) {
		if path = filepath.Clean(path); files[path] == "" {
			files[path] = what
		}
	}
	for _, f := range l.files {
		what := "the configuration"
		if f.order > 0 {
			what = "a part of the configuration"
		}
		note(f.path, what)
	}
	if file := l.config.Env.File; file != "" {
		note(file, "the env_file")
	}
	for _, p := range processes {
		if p.Env.File != "" {
			note(p.Env.File, fmt.Sprintf("the env_file of %q", p.Name))
		}
	}
	delete(files, os.DevNull)
	return files
}

// logPaths are the files of a process's output as far as the configuration alone tells: not those whose names hold a
// variable.
func (l *loader) logPaths(p written) []logPath {
	if !p.Log.Forward {
		return nil
	}
	var files []logPath
	for _, log := range []logPath{{"stdout_file", p.Log.Stdout}, {"stderr_file", p.Log.Stderr}} {
		if log.path == "" {
			continue
		}
		for _, name := range namesOf(log.path, p) {
			files = append(files, logPath{log.key, filepath.Clean(absolute(l.config.Logging.Directory, name))})
		}
	}
	return files
}

// namesOf is what a name becomes for each clone and each role of the process.
func namesOf(name string, p written) []string {
	clones, roles := 1, []string{""}
	if strings.Contains(name, "%clone%") {
		clones = max(1, p.Clones.Number())
	}
	if strings.Contains(name, "%role%") && len(p.Roles) > 0 {
		roles = p.Roles
	}
	var names []string
	for clone := 1; clone <= clones; clone++ {
		for _, role := range roles {
			expanded, err := Expansion{Name: p.ID, Clone: clone, Role: role}.Expand(name)
			if err != nil { // a variable: only a start knows it
				return nil
			}
			names = append(names, expanded)
		}
	}
	return names
}
