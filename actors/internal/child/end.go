package child

import (
	"errors"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
	"github.com/dcousineau/phorever/actors/internal/logs"
	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// longestPause is between two looks at what has no event to wait for: the first looks come sooner.
const longestPause = 100 * time.Millisecond

// mainEnded is called once, when the main process is a zombie. Its lines come first, then the rest of its tree, then the
// news; the zombie keeps its number taken until somebody has taken note of them. Nothing here waits: the log pump and the
// sweep come back by themselves.
func (t *Table) mainEnded(r *run, end ending) {
	_ = failpoint.At("end.seen")
	at := t.endedAt(r)
	t.pump.Yield() // it may be started again
	if r.service == nil {
		t.linesThenRest(r, end, at)
		return
	}
	go func() {
		t.lastLook(r)
		t.mu.Lock()
		t.afterAlone(r)
		t.mu.Unlock()
		t.linesThenRest(r, end, at)
	}()
}

// endedAt is when the main process ended, as far as that was seen: now, or while no daemon was there.
func (t *Table) endedAt(r *run) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := r.endSeen
	r.endSeen = time.Time{} // the process that takes its place has an end of its own
	if seen.IsZero() {
		return time.Now()
	}
	return seen
}

// linesThenRest goes on with an end when its lines are in their files.
func (t *Table) linesThenRest(r *run, end ending, at time.Time) {
	t.afterLines(r, func() {
		_ = failpoint.At("end.read")
		if end.exact && len(end.strays) == 0 && r.cgroup == nil && r.service == nil {
			t.over(r, end.status, at)
			return
		}
		go t.conclude(r, end, at) // looking for the rest takes a walk through /proc, and the pump has others to serve
	})
}

// afterLines calls next when every line that is in the run's pipes now is in its file, or refused by it.
func (t *Table) afterLines(r *run, next func()) {
	t.mu.Lock()
	streams := r.streams
	t.mu.Unlock()
	whenAll(streams, (*logs.Stream).Finish, next)
}

// whenAll calls next when every stream has called back.
func whenAll(streams []*logs.Stream, wait func(*logs.Stream, func()), next func()) {
	if len(streams) == 0 {
		next()
		return
	}
	var left atomic.Int32
	left.Store(int32(len(streams)))
	for _, stream := range streams {
		wait(stream, func() {
			if left.Add(-1) == 0 {
				next()
			}
		})
	}
}

// conclude finds what the main process left behind and ends it; or goes on with the process that has taken its place.
func (t *Table) conclude(r *run, end ending, at time.Time) {
	if r.service != nil && t.succeeded(r, end, at) {
		return
	}
	left, err := t.parent.leave(r, end)
	switch {
	case errors.Is(err, osproc.ErrRuns): // its end was told, and none will be told again
		t.unwatched(r)
		return
	case err != nil:
		end.status.Lost = true
	}
	if left == nil {
		t.over(r, end.status, at)
		return
	}
	t.sweep(r, left, end.status, at)
}

// sweep ends what a main process left behind: TERM at once, KILL when its patience is over (0: endless) or Kill says so.
func (t *Table) sweep(r *run, left kin, status osproc.Status, at time.Time) {
	t.mu.Lock()
	r.leftover = true
	r.tell(MainGone{r.id, status, at})
	patience := r.plan.Leftover
	if r.ordered {
		patience = 0 // whoever ordered the end has a deadline of its own
	}
	t.mu.Unlock()
	endKin(left, patience, r.hurry)
	t.afterLines(r, func() { t.over(r, status, at) }) // their last words
}

// endKin asks all of it to end, and kills it when that takes too long or somebody is in a hurry. It returns when nothing is
// left.
func endKin(left kin, patience time.Duration, hurried <-chan struct{}) {
	_ = left.signal(syscall.SIGTERM)
	var deadline <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		deadline = timer.C
	}
	killing := false
	// Nothing tells when a tree is empty: it is looked at, soon at first, then ever less often.
	for pause := time.Millisecond; left.alive(); pause = min(pause*2, longestPause) {
		look := time.NewTimer(pause)
		select {
		case <-look.C:
		case <-deadline:
			killing, deadline = true, nil
		case <-hurried:
			killing, hurried = true, nil
		}
		look.Stop()
		if killing {
			left.kill() // again: it may have forked in between
		}
	}
}

// unwatched ends a process whose end nobody would tell. It is reaped as soon as it has died of KILL, which may take as long
// as the kernel has it in a call that cannot be interrupted; how it ended is not seen.
func (t *Table) unwatched(r *run) {
	_ = r.process.SignalGroup(syscall.SIGKILL) // gone already: then it is a zombie
	for pause := time.Millisecond; ; pause = min(pause*2, longestPause) {
		if _, err := t.parent.leave(r, ending{}); !errors.Is(err, osproc.ErrRuns) {
			break
		}
		<-time.After(pause)
	}
	t.mainEnded(r, ending{status: osproc.Status{Lost: true}})
}

func (t *Table) over(r *run, status osproc.Status, at time.Time) {
	if r.cgroup != nil {
		status.OOM = r.cgroup.OOMKills() > 0
		_ = r.cgroup.Remove()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := r.service; s != nil && s.failed != nil {
		r.tell(SpawnFailed{r.id, s.failed, at})
		return
	}
	r.tell(Ended{r.id, status, at})
}
