package child

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

func TestASignalReachesTheMainProcessOrItsGroup(t *testing.T) {
	table, directory := newTable(t, Direct{}), t.TempDir()
	for i, group := range []Scope{Main, Group} {
		id, file := RunID{"web:1", i}, filepath.Join(directory, fmt.Sprint(i))
		e := begin(table, id, Launch{Command: shell(`
			trap 'exit 3' TERM; trap 'echo main >>"$1.got"' USR1
			(trap - TERM; trap 'echo other >>"$1.got"' USR1; echo ready >"$1"; while :; do sleep 0.01; done) &
			while :; do sleep 0.01; done`, file)})
		await[Spawned](t, e) // it may be ready before the table knows it
		eventually(t, "both are ready", func() bool { _, err := os.Stat(file); return err == nil })
		if err := table.Signal(id, syscall.SIGUSR1, group); err != nil {
			t.Fatal(err)
		}
		got := func(who string) bool {
			text, _ := os.ReadFile(file + ".got")
			return strings.Contains(string(text), who)
		}
		eventually(t, "the main process got the signal", func() bool { return got("main") })
		if group == Group {
			eventually(t, "the other one got it", func() bool { return got("other") })
		} else if got("other") {
			t.Error("a signal for the main process reached its group")
		}
		if err := table.Stop(id, syscall.SIGTERM, Main); err != nil {
			t.Fatal(err)
		}
		want(t, "status", Status{Code: 3}, how(await[Ended](t, e).Status))
		wantStory(t, "Spawned MainGone Ended", e)
	}
}

func TestAnEndedRunSignalsNobody(t *testing.T) {
	table, id := newTable(t, Direct{}), RunID{"web:1", 1}
	e := begin(table, id, Launch{Command: shell("exit 0")})
	await[Ended](t, e)
	nobody := func(when string) {
		t.Helper()
		for _, group := range []Scope{Main, Group} {
			if err := table.Signal(id, syscall.SIGKILL, group); !errors.Is(err, osproc.ErrGone) {
				t.Errorf("%s: a signal, group %v: want ErrGone, got %v", when, group, err)
			}
			if err := table.Stop(id, syscall.SIGKILL, group); !errors.Is(err, osproc.ErrGone) {
				t.Errorf("%s: a stop, group %v: want ErrGone, got %v", when, group, err)
			}
		}
		table.Kill(id)
		table.Kill(id)
	}
	nobody("before the release")
	wantStory(t, "Spawned Ended", e)
	table.Release(id)
	nobody("after the release")
	table.Release(id)
	table.Detach(id)
}

// A stop that comes too early signals nobody, says so, and is remembered: the run's actor sends it again.
func TestAStopDuringTheStartIsAnOrderedEnd(t *testing.T) {
	table, id := newTable(t, Direct{}), RunID{"web:1", 1}
	file := filepath.Join(t.TempDir(), "leftover")
	e, prepare := newEar(), make(chan struct{})
	table.Attach(id, Plan{Leftover: time.Millisecond, Prepare: func(RunID) (Launch, error) {
		<-prepare
		return Launch{Command: shell(`(trap '' TERM; echo >"$1.ignores"; while :; do sleep 0.01; done) & trap 'exit 3' TERM
			until test -e "$1.ignores"; do sleep 0.01; done; echo >"$1"; while :; do sleep 0.01; done`, file)}, nil
	}}, e.hear)
	if err := table.Stop(id, syscall.SIGTERM, Main); !errors.Is(err, osproc.ErrGone) {
		t.Errorf("want ErrGone, got %v", err)
	}
	close(prepare)
	await[Spawned](t, e)
	eventually(t, "both are ready", func() bool { _, err := os.Stat(file); return err == nil })
	wantStory(t, "Spawned", e)
	if err := table.Signal(id, syscall.SIGTERM, Main); err != nil {
		t.Error(err)
	}
	want(t, "status", Status{Code: 3}, how(await[MainGone](t, e).Status))
	<-time.After(100 * time.Millisecond) // what would be wrong may take as long; nothing right does
	wantStory(t, "Spawned MainGone", e)
	table.Kill(id)
	await[Ended](t, e)
}

func TestAKillDuringTheStartEndsWhatIsStarted(t *testing.T) {
	table, id := newTable(t, Direct{}), RunID{"web:1", 1}
	e, prepare := newEar(), make(chan struct{})
	table.Attach(id, Plan{Prepare: func(RunID) (Launch, error) {
		<-prepare
		return Launch{Command: command("sleep", "1000")}, nil
	}}, e.hear)
	table.Kill(id)
	table.Kill(id)
	close(prepare)
	want(t, "status", bySignal(syscall.SIGKILL), how(await[Ended](t, e).Status))
	if pid := await[Spawned](t, e).Pid; alive(pid) {
		t.Errorf("%d lives on", pid)
	}
	wantStory(t, "Spawned Ended", e)
}

func TestAKillReachesTheWholeGroupAtOnce(t *testing.T) {
	table, id := newTable(t, Direct{}), RunID{"web:1", 1}
	file := filepath.Join(t.TempDir(), "leftover")
	e := begin(table, id, Launch{Command: shell(`trap '' TERM; (echo ready >"$1"; sleep 1000) & sleep 1000`, file)})
	eventually(t, "both are ready", func() bool { _, err := os.Stat(file); return err == nil })
	table.Kill(id)
	want(t, "status", bySignal(syscall.SIGKILL), how(await[Ended](t, e).Status))
}

// killingParent orders a kill right after the reaping, before anybody has looked what is left of the group.
type killingParent struct {
	Direct
	table *Table
	id    RunID
}

func (k *killingParent) Reap(run string, p *osproc.Process) error {
	err := k.Direct.Reap(run, p)
	k.table.Kill(k.id)
	return err
}

// What the main process left behind ignores TERM and forks meanwhile, so that the kill may miss the youngest. Whatever the
// moment at which it is ordered, it is repeated until nothing is left.
func TestAKillBetweenTheEndAndTheLookIsRepeated(t *testing.T) {
	parent := &killingParent{}
	parent.table = newTable(t, parent)
	for i := range 10 {
		parent.id = RunID{"web:1", i}
		e := begin(parent.table, parent.id, Launch{Command: shell(`trap '' TERM; f() { sleep 0.02; (f) & }; (f) & exit 3`)})
		want(t, "status", Status{Code: 3}, how(await[Ended](t, e).Status))
		parent.table.mu.Lock()
		want(t, "the sweep was told to kill", true, parent.table.runs[parent.id].killed)
		parent.table.mu.Unlock()
	}
}

func TestKillsAtAnyMomentEndEveryRun(t *testing.T) {
	table := newTable(t, Direct{})
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			id := RunID{"web:1", i}
			e := begin(table, id, Launch{Command: shell(`trap '' TERM; (sleep 1000) & sleep 0.01`)})
			<-time.After(time.Duration(i) * time.Millisecond)
			table.Kill(id)
			status := await[Ended](t, e).Status
			if how(status) != (Status{}) && how(status) != bySignal(syscall.SIGKILL) {
				t.Errorf("%s: got %+v", id, status)
			}
			if story := e.story(); story != "Spawned Ended" && story != "Spawned MainGone Ended" {
				t.Errorf("%s: got the notes %q", id, story)
			}
		})
	}
	all.Wait()
}
