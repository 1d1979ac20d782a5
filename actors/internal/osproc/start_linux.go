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
	inFlight := forksInFlight()
	inFlight <- struct{}{}
	defer func() { <-inFlight }()
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

// forksInFlight holds one for each fork whose child has not executed its program yet. On a dead mount that may take for ever, and
// each keeps one of the runtime's processors, for the runtime does not know that its thread waits: there is always one more
// than forks, so that we can tell of it, and start what can be started when it is over.
var forksInFlight = sync.OnceValue(func() chan struct{} { return forksOf(runtime.GOMAXPROCS(0)) })

func forksOf(processors int) chan struct{} { return make(chan struct{}, max(1, processors-1)) }
