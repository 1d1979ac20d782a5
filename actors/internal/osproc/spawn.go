package osproc

import (
	"os"
	"sync"
	"syscall"
)

// devNull is the one descriptor of /dev/null that all children share. An error is not kept: a shortage passes.
var devNull struct {
	sync.Mutex
	file *os.File
}

func openNull() (uintptr, error) {
	devNull.Lock()
	defer devNull.Unlock()
	if devNull.file == nil {
		file, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			return 0, err
		}
		devNull.file = file
	}
	return devNull.file.Fd(), nil
}

// Spawn starts a process in a session of its own. It returns when the program runs or could not be executed, which on a
// dead mount may be never. It is safe to call from many goroutines.
func Spawn(c Command) (*Process, error) {
	null, err := openNull()
	if err != nil {
		return nil, &StartError{Name: c.Argv[0], What: os.DevNull, Err: unwrapped(err)}
	}
	files := []uintptr{null, null, null}
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
	p := &Process{pidfd: -1, ours: true}
	p.prepare(attributes.Sys, c)
	ticket := forkBegins()
	var err error
	if c.Umask == nil && c.Nice == nil && !maskInherited() {
		p.pid, err = syscall.ForkExec(c.Path, c.Argv, attributes)
	} else {
		p.pid, err = forkFromThread(c, attributes)
	}
	if err != nil {
		forkEnded(ticket, 0)
		return nil, explain(c, err)
	}
	p.born()
	if p.ours {
		forkEnded(ticket, p.pid)
	} else {
		forkEnded(ticket, 0)
	}
	return p, nil
}
