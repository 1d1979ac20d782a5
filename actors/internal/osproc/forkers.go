package osproc

import (
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Forkers are threads with file tables of their own, in which there is next to nothing. A fork copies the table of its thread, and an
// exec closes what was copied: with the pipes of a thousand processes in it, that is most of what a start costs us. Their methods are
// safe for concurrent use. Where the system has no such threads, the thread at hand forks.
type Forkers struct {
	mu     sync.Mutex
	idle   []*forker // the latest to be busy is the last
	trim   *time.Timer
	keep   []int    // descriptors that every thread of ours needs
	words  *os.File // what a thread has as standard error, where the runtime says what it dies of; nil: nothing
	closed bool
}

// trimAfter is how long after the latest fork the threads are ended, but for one.
const trimAfter = time.Second

// errNoForker says that nothing was done, and the thread at hand has to fork.
var errNoForker = errors.New("no thread with files of its own")

// NewForkers makes no thread yet: they come with the forks. It is for early in the life of a process. What the runtime says on such a
// thread at a crash goes to words, which is to stay open; nil forgets it. The threads keep nothing else that whoever started us may wait for.
func NewForkers(words *os.File) *Forkers {
	f := &Forkers{keep: runtimeFiles(), words: words}
	f.trim = time.AfterFunc(trimAfter, f.end)
	return f
}

// Close ends the threads. The thread at hand makes the forks that come later.
func (f *Forkers) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.trim.Stop()
	f.end()
}

// end ends the threads that have nothing to do.
func (f *Forkers) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	spare := len(f.idle) - 1
	if f.closed {
		spare = len(f.idle)
	}
	for range spare {
		f.idle[0].end()
		f.idle = slices.Delete(f.idle, 0, 1)
	}
}

// fork is forkExec on one of the threads. The descriptors in a are those of the caller; PidFD must not be asked for.
func (f *Forkers) fork(c Command, a *syscall.ProcAttr) (pid int, start uint64, err error) {
	if f == nil {
		return 0, 0, errNoForker
	}
	thread, err := f.take()
	if err != nil {
		return 0, 0, err
	}
	defer f.put(thread)
	return thread.fork(c, a)
}

func (f *Forkers) take() (*forker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.keep) == 0 {
		return nil, errNoForker
	}
	if last := len(f.idle) - 1; last >= 0 {
		thread := f.idle[last]
		f.idle = slices.Delete(f.idle, last, last+1)
		return thread, nil
	}
	thread, err := newForker(f.keep, f.words)
	if errors.Is(err, errNoForker) {
		f.keep = nil
	}
	return thread, err
}

func (f *Forkers) put(thread *forker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		thread.end()
		return
	}
	f.idle = append(f.idle, thread)
	if len(f.idle) > 1 {
		f.trim.Reset(trimAfter)
	}
}
