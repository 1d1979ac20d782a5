package osproc

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// forkExec is syscall.ForkExec with the start time of the child, if that is beyond doubt: the clock was in the same tick before and
// after. It is 0 otherwise.
func forkExec(c Command, attributes *syscall.ProcAttr) (pid int, start uint64, err error) {
	forksInFlight.begin()
	defer forksInFlight.end()
	start = pidfd.Tick(pidfd.SinceBoot())
	pid, err = syscall.ForkExec(c.Path, c.Argv, attributes)
	if pidfd.Tick(pidfd.SinceBoot()) != start {
		start = 0
	}
	return pid, start, err
}

// clockTold is whether our clock is the one of the start times that /proc has: 0 while nobody has looked, 1 if it is, -1 if not.
var clockTold atomic.Int32

// learnStart reads the start time in /proc where it is not known. That takes as long as a tenth of a fork.
func (p *Process) learnStart() {
	told := p.start
	if told != 0 && clockTold.Load() > 0 {
		return
	}
	p.start = startTime(p.pid)
	if told == 0 || p.start == 0 {
		return
	}
	agrees := int32(-1)
	if p.start == told {
		agrees = 1
	}
	clockTold.CompareAndSwap(0, agrees)
}

// forksInFlight are the forks whose children have not executed their program yet. On a dead mount that may take for ever, and
// each keeps one of the runtime's processors, for the runtime does not know that its thread waits: there is always one more
// than forks, so that we can tell of it, and start what can be started when it is over.
var forksInFlight = limited{over: sync.NewCond(new(sync.Mutex))}

type limited struct {
	over *sync.Cond
	n    int
}

func (l *limited) begin() {
	l.over.L.Lock()
	defer l.over.L.Unlock()
	for l.n > 0 && l.n >= runtime.GOMAXPROCS(0)-1 {
		l.over.Wait()
	}
	l.n++
}

func (l *limited) end() {
	l.over.L.Lock()
	defer l.over.L.Unlock()
	l.n--
	l.over.Broadcast() // there may be more room than before
}
