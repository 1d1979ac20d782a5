package child

import (
	"errors"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// longestPause is between two looks at what has no event to wait for: the first looks come sooner.
const longestPause = 100 * time.Millisecond

// mainEnded is called once, when the main process is a zombie. Its lines come first, then the reaping, then the rest of
// its group, then the news. Nothing here waits: the log pump and the sweep come back by themselves.
func (t *Table) mainEnded(r *run, status osproc.Status) {
	at := time.Now()
	t.afterLines(r, func() { t.written(r, status, at) })
}

// afterLines calls next when every line that is in the run's pipes now is in its file, or refused by it.
func (t *Table) afterLines(r *run, next func()) {
	t.mu.Lock()
	streams := r.streams
	t.mu.Unlock()
	if len(streams) == 0 {
		next()
		return
	}
	var left atomic.Int32
	left.Store(int32(len(streams)))
	for _, stream := range streams {
		stream.Finish(func() {
			if left.Add(-1) == 0 {
				next()
			}
		})
	}
}

// written is called once, when every line that the main process wrote is in its file.
func (t *Table) written(r *run, status osproc.Status, at time.Time) {
	switch err := t.parent.Reap(r.id.String(), r.process); {
	case errors.Is(err, osproc.ErrRuns): // its end was told, and none will be told again
		go t.unwatched(r)
		return
	case err != nil:
		status.Lost = true
	}
	go t.sweep(r, status, at) // looking for the rest of the group takes a walk through /proc, and the pump has others to serve
}

// sweep ends what a main process left behind in its group: TERM at once, KILL when its patience is over (0: endless) or Kill
// says so.
func (t *Table) sweep(r *run, status osproc.Status, at time.Time) {
	if !r.process.GroupAlive() {
		t.over(r, status, at)
		return
	}
	t.mu.Lock()
	r.leftover = true
	r.tell(MainGone{r.id, status, at})
	patience := r.plan.Leftover
	if r.ordered {
		patience = 0 // whoever ordered the end has a deadline of its own
	}
	t.mu.Unlock()
	_ = r.process.SignalGroup(syscall.SIGTERM)
	var deadline <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		deadline = timer.C
	}
	hurry := (<-chan struct{})(r.hurry)
	signal := syscall.SIGTERM
	// A group has no file descriptor to wait on: it is looked at, soon at first, then ever less often.
	for pause := time.Millisecond; r.process.GroupAlive(); pause = min(pause*2, longestPause) {
		look := time.NewTimer(pause)
		select {
		case <-look.C:
		case <-deadline:
			signal, deadline = syscall.SIGKILL, nil
		case <-hurry:
			signal, hurry = syscall.SIGKILL, nil
		}
		look.Stop()
		if signal == syscall.SIGKILL {
			_ = r.process.SignalGroup(signal) // again: a member may have forked in between
		}
	}
	t.afterLines(r, func() { t.over(r, status, at) }) // their last words
}

// unwatched ends a process whose end nobody would tell. It is reaped as soon as it has died of KILL, which may take as long
// as the kernel has it in a call that cannot be interrupted; how it ended is not seen.
func (t *Table) unwatched(r *run) {
	_ = r.process.SignalGroup(syscall.SIGKILL) // gone already: then it is a zombie
	for pause := time.Millisecond; errors.Is(t.parent.Reap(r.id.String(), r.process), osproc.ErrRuns); pause = min(pause*2, longestPause) {
		<-time.After(pause)
	}
	t.mainEnded(r, osproc.Status{Lost: true})
}

func (t *Table) over(r *run, status osproc.Status, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.tell(Ended{r.id, status, at})
}
