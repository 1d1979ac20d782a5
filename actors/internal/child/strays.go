package child

import (
	"cmp"
	"fmt"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// What an earlier daemon has left and nobody goes on with: it is ended, and nothing of its clone starts before.

// defaultLeftover is for what a run leaves behind of which nothing was written down.
const defaultLeftover = 10 * time.Second

// leftPrefix is what the keys begin with under which it is written down of which runs something is being ended: whoever takes over
// meanwhile goes on with that.
const leftPrefix = "left/"

func leftKey(id RunID) string { return leftPrefix + id.String() }

// leftRuns are the runs of which the daemon before us was ending what they had left.
func leftRuns(values map[string][]byte) map[RunID]bool {
	all := map[RunID]bool{}
	for id := range runsUnder(leftPrefix, values) {
		all[id] = true
	}
	return all
}

// endLeftovers ends what carries the mark of runs that are over, before anything of the same clone starts.
func (v *recovery) endLeftovers() {
	t := v.table
	for id := range v.left {
		if len(v.marks[id]) == 0 {
			t.saving.Delete(leftKey(id))
		}
	}
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
		t.saving.Put(leftKey(id), []byte("1"))
		patience := cmp.Or(v.saved[id].Leftover, defaultLeftover)
		due, leave := t.occupy(id.Clone)
		go func() {
			endKin(left, patience, due)
			t.saving.Delete(leftKey(id))
			leave()
		}()
	}
}

// occupied says that something of earlier runs of a clone is being ended.
type occupied struct {
	quiet  chan struct{} // closed when it is over
	due    chan struct{} // closed when a start waits for that
	before *occupied
}

// occupy has the next start of a clone wait until leave is called; due is closed when one does. The caller holds t.mu, but not for leave.
func (t *Table) occupy(clone string) (due <-chan struct{}, leave func()) {
	o := &occupied{make(chan struct{}), make(chan struct{}), t.busy[clone]}
	t.busy[clone] = o
	return o.due, func() {
		if o.before != nil {
			<-o.before.quiet
		}
		t.mu.Lock()
		if t.busy[clone] == o {
			delete(t.busy, clone)
		}
		t.mu.Unlock()
		close(o.quiet)
	}
}

// awaitQuiet waits until nothing of earlier runs of a clone is being ended, which has no more time for that.
func (t *Table) awaitQuiet(clone string) {
	t.mu.Lock()
	last := t.busy[clone]
	for o := last; o != nil; o = o.before {
		select {
		case <-o.due:
		default:
			close(o.due)
		}
	}
	t.mu.Unlock()
	if last != nil {
		<-last.quiet
	}
}

// AwaitQuiet waits until nothing of earlier runs is being ended.
func (t *Table) AwaitQuiet() {
	for {
		t.mu.Lock()
		var quiet chan struct{}
		for _, one := range t.busy {
			quiet = one.quiet
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
	_, r.left = t.occupy(id.Clone)
	t.attach(r, plan, func(note Note) {
		switch note.(type) {
		case Ended, SpawnFailed:
			go t.Release(id)
		}
	})
	t.kill(r)
}
