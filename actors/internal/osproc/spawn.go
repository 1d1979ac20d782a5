package osproc

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// devNull is the one descriptor of /dev/null that all children share.
var devNull = sync.OnceValues(func() (*os.File, error) { return os.OpenFile(os.DevNull, os.O_RDWR, 0) })

// Spawn starts a process in a session of its own. It returns when the program runs or could not be executed, which on a
// dead mount may be never. It is safe to call from many goroutines.
func Spawn(c Command) (*Process, error) {
	null, err := devNull()
	if err != nil {
		return nil, err
	}
	files := []uintptr{null.Fd(), null.Fd(), null.Fd()}
	for i, descriptor := range []int{c.Stdin, c.Stdout, c.Stderr} {
		if descriptor >= 0 {
			files[i] = uintptr(descriptor)
		}
	}
	closeOnExec()
	if c.Shim.needed() || c.Umask != nil && !umaskOfThread() {
		return spawnShimmed(c, files)
	}
	return spawnPlain(c, files)
}

func spawnPlain(c Command, files []uintptr) (*Process, error) {
	attributes := &syscall.ProcAttr{Dir: c.Dir, Env: c.Env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true}}
	if c.Credential != nil {
		attributes.Sys.Credential = &syscall.Credential{Uid: c.Credential.Uid, Gid: c.Credential.Gid, Groups: c.Credential.Groups}
	}
	p := &Process{pidfd: -1}
	p.prepare(attributes.Sys, c)
	var err error
	if c.Umask == nil && c.Nice == nil && !maskInherited() {
		p.pid, err = syscall.ForkExec(c.Path, c.Argv, attributes)
	} else {
		p.pid, err = forkFromThread(c, attributes)
	}
	if err != nil {
		return nil, explain(c, err)
	}
	p.born()
	return p, nil
}

// explain says what the kernel's error number leaves open.
func explain(c Command, err error) error {
	name := c.Argv[0]
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EACCES):
		if c.Dir != "" {
			if info, at := os.Stat(c.Dir); at != nil {
				return fmt.Errorf("directory %s: %w", c.Dir, unwrapped(at))
			} else if !info.IsDir() {
				return fmt.Errorf("directory %s: is not a directory", c.Dir)
			}
		}
		if interpreter := interpreterOf(c.Path); interpreter != "" && !filepath.IsAbs(interpreter) || missing(interpreter) {
			return fmt.Errorf("%s: its first line names the interpreter %q, which is not there", name, interpreter)
		}
		if errors.Is(err, syscall.EACCES) && c.Credential != nil {
			return fmt.Errorf("%s: %w (as user %d)", name, err, c.Credential.Uid)
		}
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("%s: the kernel cannot execute it: a script must begin with a line such as #!/bin/sh", name)
	case errors.Is(err, syscall.EAGAIN):
		return fmt.Errorf("%s: fork: the limit of processes is reached (ulimit -u, or the cgroup's pids.max)", name)
	case errors.Is(err, syscall.EPERM) && c.Credential != nil:
		return fmt.Errorf("%s: only root may run it as another user (uid %d)", name, c.Credential.Uid)
	}
	return fmt.Errorf("%s: %w", name, err)
}

func missing(path string) bool {
	if path == "" {
		return false
	}
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// interpreterOf is the program in the #! line of a script, "" when it has none.
func interpreterOf(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	line, _ := bufio.NewReaderSize(file, 256).ReadString('\n')
	rest, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return ""
	}
	if words := strings.Fields(rest); len(words) > 0 {
		return strings.TrimSuffix(words[0], "\r")
	}
	return ""
}
