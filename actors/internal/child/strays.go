package child

import (
	"fmt"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// What an earlier daemon has left and nobody goes on with: it is ended, and nothing of its clone starts before.

// defaultLeftover is for what a run leaves behind of which nothing was written down.
const defaultLeftover = 10 * time.Second

// endLeftovers ends what carries the mark of runs that are over, before anything of the same clone starts.
func (v *recovery) endLeftovers() {
	t := v.table
	for id, all := range v.marks {
		if r := t.runs[id]; r != nil && r.process != nil {
			continue
		}
		over := &run{id: id, saved: saved{}}
		oldest := all[0].start
		for _, m := range all {
			oldest = min(oldest, m.start)
		}
		over.kin = &osproc.Kin{Start: oldest, Mark: t.mark(id), Strangers: v.kept.strangersTo(over)}
		left := &tree{kept: v.kept, run: over, kin: over.kin}
		v.o.Unsaid(fmt.Sprintf("%s is over and has left %d processes behind: they are ended", id, len(all)))
		leave := t.occupy(id.Clone)
		go func() {
			endKin(left, defaultLeftover, nil)
			leave()
		}()
	}
}

// occupy has the next start of a clone wait until leave is called. The caller holds t.mu, but not for leave.
func (t *Table) occupy(clone string) (leave func()) {
	before, done := t.busy[clone], make(chan struct{})
	t.busy[clone] = done
	return func() {
		if before != nil {
			<-before
		}
		t.mu.Lock()
		if t.busy[clone] == done {
			delete(t.busy, clone)
		}
		t.mu.Unlock()
		close(done)
	}
}

// awaitQuiet waits until nothing of earlier runs of a clone is being ended.
func (t *Table) awaitQuiet(clone string) {
	t.mu.Lock()
	quiet := t.busy[clone]
	t.mu.Unlock()
	if quiet != nil {
		<-quiet
	}
}

// AwaitQuiet waits until nothing of earlier runs is being ended.
func (t *Table) AwaitQuiet() {
	for {
		t.mu.Lock()
		var quiet chan struct{}
		for _, one := range t.busy {
			quiet = one
		}
		t.mu.Unlock()
		if quiet == nil {
			return
		}
		<-quiet
	}
}

// EndStray kills a run that was found and that nobody goes on with, if it still lives, with its whole tree, and forgets it. The plan
// says where its last lines go if that was not written down. Nothing of its clone starts before.
func (t *Table) EndStray(id RunID, plan Plan) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.runs[id]
	if r == nil || r.left != nil {
		return // it has been ended, or is
	}
	r.left = t.occupy(id.Clone)
	t.attach(r, plan, func(note Note) {
		switch note.(type) {
		case Ended, SpawnFailed:
			go t.Release(id)
		}
	})
	t.kill(r)
}
