package actors

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/actors/internal/restart"
	"github.com/dcousineau/phorever/spec"
)

// notebook is a Saving in memory.
type notebook map[string][]byte

func (n notebook) Put(key string, value []byte) { n[key] = value }
func (n notebook) Delete(key string)            { delete(n, key) }
func (n notebook) Written(done func())          { done() }
func (n notebook) Commit(done func(error))      { done(nil) }

func TestACloneKnowsAfterwardsWhatItKnew(t *testing.T) {
	now := time.Now()
	base := clockBase{now, time.Hour}
	code := 3
	saved := notebook{}
	h := &house{saving: saved, base: base, now: func() time.Time { return now }}
	p := &processActor{house: h, cloneMemory: &cloneMemory{
		id: "web:1", number: 1, role: "worker",
		machine: lifecycle.Machine{State: event.Backoff, Run: 13, Healing: true},
		history: restart.History{Failures: []time.Time{now.Add(-time.Minute), now.Add(-time.Second)}, Healing: true},
		verdict: restart.Verdict{Action: restart.Again, Delay: 7 * time.Second, Failure: true, Failures: 2},
		exit:    &event.Exit{Code: &code, Cause: event.CauseExited, At: now.Add(-time.Second), Failure: true, Uptime: 5 * time.Second, Detail: "x"},
		why:     "stopped by an order", doom: "the role gave up", pid: 4711, startedAt: now.Add(-6 * time.Second), deadline: now.Add(6 * time.Second),
		stopStep: 1, killed: true, retiring: true,
	}}
	p.names.Store(&logNames{"a.log", "a.err"})
	p.save()
	// Another daemon, 10 s later, after the wall clock was set back by a year: its clock base is all that it has.
	later := clockBase{now.Add(10 * time.Second), time.Hour + 10*time.Second}
	var s savedClone
	if err := json.Unmarshal(saved["clone/web:1"], &s); err != nil {
		t.Fatal(err)
	}
	s.Deadline.Wall = s.Deadline.Wall.AddDate(-1, 0, 0)
	got := &cloneMemory{}
	got.restore(&house{base: later, now: func() time.Time { return later.at }}, &s)
	near := cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Millisecond })
	if diff := cmp.Diff(p.machine, got.machine); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(p.history, got.history, near); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(p.verdict, got.verdict); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(p.exit, got.exit, near); diff != "" {
		t.Error(diff)
	}
	if !near2(p.deadline, got.deadline) || !near2(p.startedAt, got.startedAt) {
		t.Errorf("deadline %v, want %v; started %v, want %v", got.deadline, p.deadline, got.startedAt, p.startedAt)
	}
	if got.why != p.why || got.doom != p.doom || got.pid != p.pid || got.stopStep != 1 || !got.killed || !got.retiring || got.names.Load().stderr != "a.err" {
		t.Errorf("%+v", got)
	}
}

func near2(a, b time.Time) bool { return a.Sub(b).Abs() < time.Millisecond }

func TestEveryStateIsRestored(t *testing.T) {
	now := time.Now()
	h := &house{base: clockBase{now, time.Hour}, now: func() time.Time { return now }}
	for _, state := range []event.State{event.Stopped, event.Starting, event.Running, event.Backoff, event.Stopping, event.Paused, event.Exited, event.Fatal} {
		for _, live := range []bool{true, false} {
			machine := lifecycle.Machine{State: state, Run: 5, Live: live, Up: live, Restarting: true, Healing: live}
			text, err := json.Marshal(savedClone{Number: 1, Machine: machine})
			if err != nil {
				t.Fatal(err)
			}
			s := readClones(h, map[string][]byte{"clone/a:1": text})["a:1"]
			m := &cloneMemory{}
			if s == nil {
				t.Fatalf("%s is not read", state)
			}
			if m.restore(h, s); m.machine != machine {
				t.Errorf("%+v, want %+v", m.machine, machine)
			}
		}
	}
}

// Who asks right after a daemon has taken over gets an answer about everything that the one before has left.
func TestTheFirstAnswerMissesNothing(t *testing.T) {
	const clones = 200
	config := configOf(t, shell("web", "exec sleep 100", func(p *spec.Process) { p.Clones.Count = clones }))
	r := newRelict(t)
	for n := 1; n <= clones; n++ {
		id := config.Processes[0].Clone(n)
		r.put(cloneKey(id), savedClone{Number: n, Role: "r", Machine: lifecycle.Machine{State: event.Fatal, Run: 7}})
	}
	tr := plantWith(t, config, r.saved)
	all := tr.Status()
	for _, p := range all {
		if p.State != event.Fatal || p.Run != 7 {
			t.Fatalf("%s is %s at run %d", p.ID, p.State, p.Run)
		}
	}
	if len(all) != clones {
		t.Errorf("%d of %d", len(all), clones)
	}
}
