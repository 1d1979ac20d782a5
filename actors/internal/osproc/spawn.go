package osproc

import (
	"errors"
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
	err := p.forkApart(c, attributes)
	if errors.Is(err, errNoForker) {
		err = p.forkHere(c, attributes)
	}
	if err == nil {
		err = p.born()
	}
	if err != nil || !p.ours {
		forkEnded(ticket, 0)
	} else {
		forkEnded(ticket, p.pid)
	}
	if err != nil {
		return nil, explain(c, err)
	}
	return p, nil
}
