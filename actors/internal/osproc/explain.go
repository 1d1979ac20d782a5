package osproc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// StartError is why a command could not be started.
type StartError struct {
	Name string // the program, as the command's first word
	What string // what of it is the matter, "directory /srv"; empty for the program itself
	Err  error  // mostly a syscall.Errno
	Hint string // what may help; may be empty
}

// Error is one line: "./srv: directory /srv/a: no such file or directory".
func (e *StartError) Error() string {
	text := e.Name + ": "
	if e.What != "" {
		text += e.What + ": "
	}
	text += e.Err.Error()
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Unwrap is the system's error.
func (e *StartError) Unwrap() error { return e.Err }

// Shortage tells whether a start failed because the machine is short of something, so that the command is not to blame.
func Shortage(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ENOSPC, syscall.EDQUOT, syscall.EINTR} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// stepError is what went wrong with one thing that was to be set before the program ran.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// explain finds out what an error number of the fork was about. It looks at the files after the fact: when they change
// meanwhile the explanation is poor, and the error number right.
func explain(c Command, err error) error {
	e := &StartError{Name: c.Argv[0], Err: err}
	var step *stepError
	if errors.As(err, &step) {
		e.What, e.Err = step.step, step.err
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
			e.Hint = hintOfStep(c, step.step)
		}
		return e
	}
	var errno syscall.Errno
	errors.As(err, &errno)
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.EACCES, syscall.ELOOP, syscall.ENAMETOOLONG:
		explainPath(c, e)
	case syscall.ENOEXEC:
		explainFormat(c, e)
	case syscall.EAGAIN:
		e.What, e.Hint = "fork", "too many processes: see ulimit -u and the cgroup's pids.max"
	case syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE:
		e.What = "fork"
	case syscall.E2BIG:
		e.Hint = "arguments and environment together"
	case syscall.ETXTBSY:
		e.Hint = "the file is still being written"
	case syscall.EINVAL:
		explainInvalid(c, e)
	case syscall.EPERM:
		if c.Credential != nil && os.Geteuid() != 0 {
			e.What, e.Hint = fmt.Sprintf("become user %d, group %d", c.Credential.Uid, c.Credential.Gid), "only root may"
		}
	}
	return e
}

func hintOfStep(c Command, step string) string {
	switch word, _, _ := strings.Cut(step, " "); word {
	case "limit":
		return hintOfLimit(c, step)
	case "nice", "oom_score_adj":
		return "only root may lower it"
	case "setgroups", "setgid", "setuid":
		return "only root may"
	}
	return ""
}

// hintOfLimit says which bound a limit is above: the process's own, which root may raise, or that of the kernel.
func hintOfLimit(c Command, step string) string {
	if most, ok := mostOpenFiles(); ok && step == "limit nofile" && slices.ContainsFunc(c.Shim.Limits, func(l Limit) bool {
		return l.Resource == "nofile" && l.Value > most
	}) {
		return fmt.Sprintf("above fs.nr_open, which is %d: sysctl raises it", most)
	}
	if os.Geteuid() == 0 { // root without the capability, as in containers
		return "above the hard limit, which takes CAP_SYS_RESOURCE to raise"
	}
	return "above the hard limit, which only root may raise"
}

// mostOpenFiles is how many files the kernel lets any process have open; unknown where there is no /proc.
func mostOpenFiles() (uint64, bool) {
	data, err := os.ReadFile("/proc/sys/fs/nr_open")
	if err != nil {
		return 0, false
	}
	most, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	return most, err == nil
}

// explainPath tells apart a missing directory, a missing program, a missing interpreter, and a missing permission.
func explainPath(c Command, e *StartError) {
	if err := noDirectory(c.Dir); err != nil {
		e.What, e.Err = "directory "+c.Dir, err
		return
	}
	path := inDirectory(c.Dir, c.Path)
	// The kernel follows the interpreter of an interpreter only so far.
	for range 5 {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			e.Err = unwrapped(err)
			return
		case info.IsDir():
			e.Err = syscall.EISDIR
			return
		case info.Mode()&0o111 == 0 && errors.Is(e.Err, syscall.EACCES):
			e.Hint = "not executable: chmod +x"
			return
		}
		interpreter := interpreterOf(path)
		if interpreter == "" {
			break
		}
		e.What = "its interpreter " + interpreter
		if strings.HasSuffix(interpreter, "\r") {
			e.What = fmt.Sprintf("its interpreter %q", interpreter)
			e.Hint = "the file has Windows line ends"
			return
		}
		path = inDirectory(c.Dir, interpreter)
	}
	switch {
	case !errors.Is(e.Err, syscall.EACCES):
		e.Hint = "the loader that it was linked for is missing"
	case c.Credential != nil: // whose eyes we do not have: which of the files it is stays open
		e.What, e.Hint = "", fmt.Sprintf("as user %d", c.Credential.Uid)
	default:
		e.What, e.Hint = "", "of the file, a directory above it, or a mount with noexec"
	}
}

func explainFormat(c Command, e *StartError) {
	switch beginning := head(inDirectory(c.Dir, c.Path)); {
	case beginning == "":
		e.Hint = "the file is empty"
	case strings.HasPrefix(beginning, "\x7fELF"):
		e.Hint = "built for another kind of machine, or damaged"
	default:
		e.Hint = "the first line of a script must be #!/bin/sh or the like"
	}
}

func explainInvalid(c Command, e *StartError) {
	null := func(texts ...string) bool { return strings.Contains(strings.Join(texts, ""), "\x00") }
	switch {
	case null(c.Path, c.Dir):
		e.What, e.Hint = "path", "it holds a NUL byte"
	case null(c.Argv...):
		e.What, e.Hint = "arguments", "one holds a NUL byte"
	case null(c.Env...):
		e.What, e.Hint = "environment", "a variable holds a NUL byte"
	}
}

// noDirectory is why a process cannot start there; nil if it seems that it can.
func noDirectory(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return unwrapped(err)
	case !info.IsDir():
		return syscall.ENOTDIR
	}
	return nil
}

// inDirectory is what the kernel makes of a relative path. It is not cleaned: "link/.." is not the same as ".".
func inDirectory(dir, path string) string {
	if filepath.IsAbs(path) || dir == "" {
		return path
	}
	return dir + "/" + path
}

// interpreterOf is what the #! line of a script names; "" for anything else.
func interpreterOf(path string) string {
	line, _, _ := strings.Cut(head(path), "\n")
	line, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return ""
	}
	line = strings.TrimLeft(line, " \t")
	if end := strings.IndexAny(line, " \t"); end >= 0 {
		line = line[:end]
	}
	return line
}

// head is the first 256 bytes of a file, which is as much as the kernel looks at. Only regular files are read: a fifo
// would never answer.
func head(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	var buffer [256]byte
	n, _ := file.Read(buffer[:])
	return string(buffer[:n])
}
