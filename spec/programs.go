package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// programs answers whether a program exists, once for each: a thousand workers share one.
type programs struct {
	environ func(string) (string, bool)
	known   map[string]string
}

func newPrograms(environ func(string) (string, bool)) *programs {
	return &programs{environ: environ, known: map[string]string{}}
}

// missing says what is wrong with a process's program; "" when nothing is.
func (p *programs) missing(name string, process *Process, env Environment) string {
	if strings.Contains(name, "/") {
		full := name
		if !filepath.IsAbs(name) {
			full = filepath.Join(process.Directory, name)
		}
		return p.once(full, func() string { return unfit(name, full) })
	}
	path, ok := process.Env.Values["PATH"]
	if !ok && !slices.Contains(process.Env.Removed, "PATH") {
		path, ok = env.Values["PATH"]
	}
	if !ok {
		path, _ = p.environ("PATH")
	}
	if path == "" || strings.Contains(path, "%") {
		return ""
	}
	return p.once(name+"\x00"+path+"\x00"+process.Directory, func() string {
		for _, directory := range filepath.SplitList(path) {
			if !filepath.IsAbs(directory) {
				directory = filepath.Join(process.Directory, directory)
			}
			if unfit(name, filepath.Join(directory, name)) == "" {
				return ""
			}
		}
		return fmt.Sprintf("there is no program %q in the PATH", name)
	})
}

func (p *programs) once(key string, look func() string) string {
	if answer, known := p.known[key]; known {
		return answer
	}
	p.known[key] = look()
	return p.known[key]
}

func unfit(name, full string) string {
	info, err := os.Stat(full)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("there is no program %q", name)
	case err != nil:
		return fmt.Sprintf("program %q: %s", name, reason(err))
	case info.IsDir():
		return fmt.Sprintf("program %q is a directory", name)
	case info.Mode()&0o111 == 0:
		return fmt.Sprintf("program %q is not executable", name)
	}
	return ""
}

// programOf is the name of the program that a command surely runs; "" when only a shell knows it.
func programOf(c Command) string {
	if words := plainWords(c); words != nil {
		return words[0]
	}
	if argv, direct := c.Program(); direct && len(argv) > 0 {
		return argv[0]
	}
	file, err := parsePOSIX(c.Shell)
	if err != nil {
		return ""
	}
	if call := simpleCommand(file); call != nil {
		if name, plain := literalWord(call.Args[0]); plain && !needsShell(name) {
			return name
		}
	}
	return ""
}

// plainWords are the words of a shell command that holds nothing for a shell to do, as most do; else nil. Parsing a
// thousand of them is a third of a reload.
func plainWords(c Command) []string {
	if c.Shell == "" || strings.ContainsFunc(c.Shell, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" _-./:,@+=", r))
	}) {
		return nil
	}
	words := strings.Fields(c.Shell)
	if len(words) == 0 || needsShell(words[0]) {
		return nil
	}
	return words
}

// interpreters are programs after which nobody would name a process.
var interpreters = []string{"php", "python", "python3", "node", "ruby", "perl", "sh", "bash", "env", "nice", "exec", "sudo"}

// plainWord is a word of a command that would do as a process's name, with or without its path and ending.
var plainWord = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[A-Za-z0-9_.-]*/)*([A-Za-z0-9][A-Za-z0-9_-]*)(\.[a-z]+)?$`)
})

// suggestedName is a name for a process that has none: that of its program or script.
func suggestedName(c Command) string {
	argv, direct := c.Program()
	if !direct {
		argv = []string{programOf(c)}
	}
	for _, word := range argv {
		if match := plainWord().FindStringSubmatch(word); match != nil && !slices.Contains(interpreters, match[1]) {
			return match[1]
		}
	}
	return "…"
}
