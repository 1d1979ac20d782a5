package child

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// slowParent is a parent that says for a while that a process still runs.
type slowParent struct {
	Direct
	refusals atomic.Int64 // left
	asked    atomic.Int64
}

func (s *slowParent) Reap(run string, p *osproc.Process) error {
	s.asked.Add(1)
	if s.refusals.Add(-1) >= 0 {
		return osproc.ErrRuns
	}
	return s.Direct.Reap(run, p)
}

// A process that no loop watches is killed. It has not died yet when it is asked for, and is not lost for that.
func TestAProcessThatCannotBeWatchedIsEndedAndTold(t *testing.T) {
	parent := &slowParent{}
	parent.refusals.Store(5)
	table := newTable(t, parent)
	table.parent.(direct).loop.Close() // no watch succeeds any more
	id := RunID{"web:1", 1}
	e := begin(table, id, Launch{Command: shell("sleep 1000 & wait")})
	pid := await[Spawned](t, e).Pid
	want(t, "status", Status{Lost: true}, how(await[Ended](t, e).Status))
	if alive(pid) {
		t.Error("it lives on")
	}
	if err := table.Signal(id, 0, Main); !errors.Is(err, osproc.ErrGone) {
		t.Errorf("a signal after the end: want ErrGone, got %v", err)
	}
	if parent.asked.Load() < 6 {
		t.Errorf("the parent was asked %d times, and refused 5 times", parent.asked.Load())
	}
}

// Many at once, with the real answers of the kernel: at the first look most have not died yet.
func TestProcessesThatCannotBeWatchedAreAllReaped(t *testing.T) {
	parent := &slowParent{}
	table := newTable(t, parent)
	table.parent.(direct).loop.Close()
	var ears []*ear
	for i := range 100 {
		ears = append(ears, begin(table, RunID{"web:1", i}, Launch{Command: command("sleep", "1000")}))
	}
	for _, e := range ears {
		await[Ended](t, e)
	}
	for _, pid := range children() {
		t.Errorf("child %d is left", pid)
	}
}

// A parent that never gives a process up keeps no spawner from its work.
func TestAProcessThatDoesNotDieHoldsNoSpawner(t *testing.T) {
	parent := &slowParent{}
	parent.refusals.Store(1 << 60)
	table := newTable(t, parent)
	table.parent.(direct).loop.Close()
	var ears []*ear
	for i := range 3 * mostSpawners {
		ears = append(ears, begin(table, RunID{"web:1", i}, Launch{Command: command("sleep", "1000")}))
	}
	for _, e := range ears {
		await[Spawned](t, e)
	}
	eventually(t, "the spawners are gone", func() bool {
		table.mu.Lock()
		defer table.mu.Unlock()
		return table.spawners == 0
	})
	for _, e := range ears {
		wantStory(t, "Spawned", e)
	}
	parent.refusals.Store(0)
	for _, e := range ears {
		await[Ended](t, e)
		wantStory(t, "Spawned Ended", e)
	}
}

// An end that is told of a process which the parent says still runs is not taken for one.
func TestAnEndThatTheParentDeniesIsMadeTrue(t *testing.T) {
	parent := &slowParent{}
	parent.refusals.Store(2)
	table := newTable(t, parent)
	e := begin(table, RunID{"web:1", 1}, Launch{Command: shell("exit 3")})
	want(t, "status", Status{Lost: true}, how(await[Ended](t, e).Status))
	wantStory(t, "Spawned Ended", e)
}

// badParent reaps, and does not know what.
type badParent struct{ Direct }

func (b badParent) Reap(run string, p *osproc.Process) error {
	_ = b.Direct.Reap(run, p)
	return errors.New("no answer")
}

func TestAnEndThatTheParentKnowsNothingOfIsLost(t *testing.T) {
	table := newTable(t, badParent{})
	e := begin(table, RunID{"web:1", 1}, Launch{Command: shell("exit 3")})
	want(t, "lost", true, await[Ended](t, e).Status.Lost)
	wantStory(t, "Spawned Ended", e)
}
