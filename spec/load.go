package spec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// LoadOptions is what Load needs to know about whoever asks.
type LoadOptions struct {
	AllowUnsafe      bool                        // as root, read files that others may write
	WorkingDirectory string                      // file names in problems are relative to it; "" makes them absolute
	Environ          func(string) (string, bool) // the environment in which programs are looked up; nil is our own
	Sources          map[string][]byte           // of an earlier Config: what it was made of is read from here, and not from the disk
}

// Load reads a configuration with everything that it includes. The Config is nil when Problems has an error; Problems
// may hold warnings beside a Config. The path is made absolute as it was named: symlinks are not resolved.
func Load(path string, options LoadOptions) (*Config, Problems) {
	l := newLoader(options)
	full, err := filepath.Abs(path)
	if err != nil {
		l.report.file(path, 0, reason(err), "")
		return nil, l.report.problems()
	}
	l.onDisk, l.kept = true, options.Sources
	data, ok := l.read(full, nil)
	if !ok {
		return nil, l.report.problems()
	}
	return l.load(full, data)
}

// Parse reads one file's text. Unlike Load it does not look at the disk: not at included files, env files, programs
// and owners.
func Parse(name string, data []byte, options LoadOptions) (*Config, Problems) {
	l := newLoader(options)
	full, err := filepath.Abs(name)
	if err != nil {
		full = "/" + name
	}
	return l.load(full, data)
}

// loader is one Load or Parse.
type loader struct {
	report  report
	options LoadOptions
	onDisk  bool
	files   []*file // the main file first
	config  *Config

	kept     map[string][]byte     // files by path, nil when they are read from the disk
	envFiles map[string]envProblem // what is wrong with each
}

// file is one file that was read.
type file struct {
	*source
	tree     *node
	defaults *node // of its processes
}

func newLoader(options LoadOptions) *loader {
	if options.Environ == nil {
		options.Environ = os.LookupEnv
	}
	return &loader{options: options, envFiles: map[string]envProblem{}}
}

func (l *loader) load(path string, data []byte) (*Config, Problems) {
	main := l.parse(path, data)
	if main.tree == nil {
		return nil, l.report.problems()
	}
	if main.tree.kind != kindObject {
		l.report.errorAt(main.tree, fmt.Sprintf("must be an object (got %s)", main.tree.got()), "a configuration begins with { and ends with }")
		return nil, l.report.problems()
	}
	l.report.structure(main.tree, shapes())
	l.config = &Config{Path: path, Directory: filepath.Dir(path), sources: map[string][]byte{}}
	main.defaults = main.tree.get("defaults")
	l.include(main)

	document := fill(shapes(), main.tree)
	document.config(l.config)
	processes := l.processes()
	l.roles(processes)
	l.news(document)
	l.validate(document, processes)
	for _, f := range l.files {
		l.config.Files = append(l.config.Files, f.path)
		l.config.sources[f.path] = f.data
	}
	if l.report.failed {
		return nil, l.report.problems()
	}
	return l.config, l.report.problems()
}

// parse makes the next file of a text.
func (l *loader) parse(path string, data []byte) *file {
	f := &file{source: newSource(path, shownName(path, l.options.WorkingDirectory), withoutMark(data))}
	f.order = len(l.files)
	l.files = append(l.files, f)
	f.tree = parseSource(&l.report, f.source)
	return f
}

// read reads a file from the disk, the main one when from is nil. Else problems point at from, which names it.
func (l *loader) read(path string, from *node) ([]byte, bool) {
	shown := shownName(path, l.options.WorkingDirectory)
	fail := func(message, hint string) ([]byte, bool) {
		if from == nil {
			l.report.file(shown, 0, message, hint)
		} else {
			l.report.errorAt(from, shown+": "+message, hint)
		}
		return nil, false
	}
	if l.kept != nil {
		data, ok := l.kept[path]
		if !ok {
			return fail("no such file or directory", "")
		}
		return data, true
	}
	f, err := os.Open(path)
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) && from == nil {
			hint = "`phorever init` writes a first configuration; -c FILE names another one"
		}
		return fail(reason(err), hint)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return fail("is a directory", "")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return fail(reason(err), "")
	}
	return data, true
}

// reason is an error of the operating system without the path, which is told anyway.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return strings.ToLower(errno.Error())
	}
	return err.Error()
}

// include reads the files that the main file names.
func (l *loader) include(main *file) {
	patterns := main.tree.get("include")
	if !l.onDisk || !patterns.is(kindList) {
		return
	}
	seen := map[string]*node{}
	for _, pattern := range patterns.items {
		if pattern.string() == "" {
			continue
		}
		for _, path := range l.matches(pattern) {
			if l.repeated(path, pattern, seen) {
				continue
			}
			data, ok := l.read(path, pattern)
			if !ok {
				continue
			}
			f := l.parse(path, data)
			if f.tree == nil {
				continue
			}
			if f.tree.kind != kindObject {
				l.report.errorAt(f.tree, fmt.Sprintf("must be an object (got %s)", f.tree.got()), `an included file looks like {"processes": […]}`)
				f.tree = nil
				continue
			}
			l.included(f)
			f.defaults = overlayDefaults(main.tree.get("defaults"), f.tree.get("defaults"))
		}
	}
}
