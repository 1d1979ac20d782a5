package osproc

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// Forkers are threads with file tables of their own, in which there is next to nothing. A fork copies the table of its thread, and an
// exec closes what was copied: with the pipes of a thousand processes in it, that is most of what a start costs us. Their methods are
// safe for concurrent use. Where the system has no such threads, or all of them fork, the thread at hand does.
type Forkers struct {
	mu     sync.Mutex
	idle   []*forker // the latest to be busy is the last
	closed bool
}

// errNoForker says that nothing was done, and the thread at hand has to fork.
var errNoForker = errors.New("no thread with files of its own")

// NewForkers starts so many threads, or as many as it can. It is for early in the life of a process: where processes have become
// scarce, the Go runtime does not survive that there is no thread for it. What it says on such a thread at a crash goes to words; nil
// forgets it. The threads keep nothing that whoever started us may wait for.
func NewForkers(threads int, words *os.File) *Forkers {
	f := &Forkers{}
	keep := runtimeFiles()
	for range threads {
		thread, err := newForker(keep, words)
		if err != nil {
			break
		}
		f.idle = append(f.idle, thread)
	}
	return f
}

// Close ends the threads. The thread at hand makes the forks that come later.
func (f *Forkers) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, thread := range f.idle {
		thread.end()
	}
	f.idle = nil
}

// fork is forkExec on one of the threads. The descriptors in a are those of the caller; PidFD must not be asked for.
func (f *Forkers) fork(c Command, a *syscall.ProcAttr) (pid int, start uint64, err error) {
	thread := f.take()
	if thread == nil {
		return 0, 0, errNoForker
	}
	defer f.put(thread)
	return thread.fork(c, a)
}

func (f *Forkers) take() *forker {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.idle) - 1
	if last < 0 {
		return nil
	}
	thread := f.idle[last]
	f.idle = f.idle[:last]
	return thread
}

func (f *Forkers) put(thread *forker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		thread.end()
		return
	}
	f.idle = append(f.idle, thread)
}
