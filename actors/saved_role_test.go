package actors

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/actors/internal/restart"
	"github.com/dcousineau/phorever/spec"
)

// relict is what a killed daemon has written down of the clones a:1, b:1 and c:1, which are restarted together.
type relict struct {
	t     *testing.T
	base  clockBase
	saved map[string][]byte
}

func newRelict(t *testing.T) *relict {
	l := &relict{t, newClockBase(), map[string][]byte{}}
	l.put(intentKey, savedIntent{Active: []string{"r"}})
	return l
}

func (l *relict) put(key string, value any) {
	l.t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		l.t.Fatal(err)
	}
	l.saved[key] = text
}

// held is a clone that waits for its role. One that has failed itself did so just now, and is due after delay.
func (l *relict) held(id spec.CloneID, failed bool, delay time.Duration) {
	s := savedClone{Number: 1, Role: "r", Machine: lifecycle.Machine{State: event.Backoff, Run: 1, Held: true}}
	if failed {
		s.Exit = &savedExit{Exit: event.Exit{Cause: event.CauseExited}, When: l.base.write(time.Now()), Failure: true}
		s.Verdict = restart.Verdict{Action: restart.Again, Delay: delay, Failure: true, Failures: 1}
	}
	l.put(cloneKey(id), s)
}

func (l *relict) state(id spec.CloneID, machine lifecycle.Machine) {
	l.put(cloneKey(id), savedClone{Number: 1, Role: "r", Machine: machine})
}

func (l *relict) group(phase lifecycle.GroupPhase, delay time.Duration, members, waiting []spec.CloneID) {
	l.put(roleKey("r"), savedRole{Phase: phase, Epoch: 7, Members: members, Waiting: waiting, Until: l.base.write(time.Now().Add(delay))})
}

// Whatever moment of the restart of a whole role a daemon is killed at, the next one brings it to its end: nobody starts before the delay
// is over, nobody waits for ever, and who went another way is left alone.
func TestARestartOfARoleOutlivesTheDaemon(t *testing.T) {
	const delay = 400 * time.Millisecond
	ids := []spec.CloneID{"a:1", "b:1", "c:1"}
	for name, c := range map[string]struct {
		left  func(*relict)
		early []spec.CloneID // started before the delay is over
		never []spec.CloneID
	}{
		"all are down": {func(l *relict) {
			l.held("a:1", false, 0)
			l.held("b:1", true, delay)
			l.held("c:1", false, 0)
			l.group(lifecycle.GroupBackoff, delay, ids, nil)
		}, nil, nil},
		"one of them had not said so": {func(l *relict) {
			l.held("a:1", false, 0)
			l.held("b:1", true, delay)
			l.held("c:1", false, 0)
			l.group(lifecycle.GroupStopping, delay, ids, []spec.CloneID{"a:1"})
		}, nil, nil},
		"the role had not heard of the failure": {func(l *relict) {
			l.held("a:1", true, delay)
			l.held("b:1", true, delay)
			l.held("c:1", true, delay)
		}, nil, nil},
		"the role had started all, and they had not heard": {func(l *relict) {
			l.held("a:1", false, 0)
			l.held("b:1", false, 0)
			l.held("c:1", false, 0)
		}, ids, nil},
		"one was stopped meanwhile": {func(l *relict) {
			l.state("a:1", lifecycle.Machine{State: event.Stopped, Run: 1})
			l.held("b:1", true, delay)
			l.held("c:1", false, 0)
			l.group(lifecycle.GroupStopping, delay, ids, []spec.CloneID{"a:1"})
		}, nil, []spec.CloneID{"a:1"}},
		"one is not there any more": {func(l *relict) {
			l.held("b:1", true, delay)
			l.held("c:1", false, 0)
			l.group(lifecycle.GroupStopping, delay, append([]spec.CloneID{"gone:1"}, ids...), []spec.CloneID{"gone:1", "a:1"})
		}, nil, []spec.CloneID{"a:1"}},
		"what the role knew cannot be read": {func(l *relict) {
			l.held("a:1", false, 0)
			l.held("b:1", true, delay)
			l.held("c:1", true, delay)
			l.saved[roleKey("r")] = []byte(`{"phase": 9}`)
		}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := configOf(t, shell("a", "exec sleep 100", nil), shell("b", "exec sleep 100", nil), shell("c", "exec sleep 100", nil))
			config.Roles[0].Supervision = spec.OneForAll
			l := newRelict(t)
			c.left(l)
			begin := time.Now()
			tr := plantWith(t, config, l.saved)
			for _, id := range ids {
				if slices.Contains(c.never, id) {
					continue
				}
				p := tr.await(id, "running", inState(event.Running))
				if late := p.StartedAt.Sub(begin) >= delay-20*time.Millisecond; late == slices.Contains(c.early, id) {
					t.Errorf("%s was started after %s\n%s", id, p.StartedAt.Sub(begin), tr.story())
				}
				if p.Run != 2 {
					t.Errorf("%s is at run %d", id, p.Run)
				}
			}
			for _, id := range c.never {
				for _, p := range tr.Status() {
					if p.ID == id && p.Run > 1 {
						t.Errorf("%s was started", id)
					}
				}
			}
		})
	}
}

// What a role has counted of its members' failures counts for the next daemon too.
func TestARolesFailuresAreCountedOn(t *testing.T) {
	config := configOf(t, shell("bad", "exit 3", func(p *spec.Process) { p.Restart.StableAfter = 0 }), shell("good", "exec sleep 100", nil))
	config.Roles[0].GiveUp = &spec.GiveUp{After: 5, Within: time.Minute}
	l := newRelict(t)
	var failures []moment
	for i := range 3 {
		failures = append(failures, l.base.write(time.Now().Add(-time.Duration(i)*time.Second)))
	}
	failures = append(failures, l.base.write(time.Now().Add(-time.Hour))) // long ago
	l.put(roleKey("r"), savedRole{Failures: failures})
	l.state("bad:1", lifecycle.Machine{State: event.Stopped, Run: 1})
	tr := plantWith(t, config, l.saved)
	tr.start("@r")
	p := tr.await("good:1", "FATAL", inState(event.Fatal))
	if bad := tr.await("bad:1", "FATAL", inState(event.Fatal)); bad.Run != 4 {
		t.Errorf("want 3 failures and 3 more, it is at run %d: %s", bad.Run, p.Reason)
	}
}

// What a role writes down is what the next one reads.
func TestARoleKnowsAfterwardsWhatItKnew(t *testing.T) {
	now := time.Now()
	saved := notebook{}
	h := &house{saving: saved, base: clockBase{now, time.Hour}, now: func() time.Time { return now }, sleep: time.AfterFunc}
	r := &roleActor{house: h, home: "web", failures: []time.Time{now.Add(-time.Second)}, group: lifecycle.Group{
		Phase: lifecycle.GroupStopping, Epoch: 3, Members: []spec.CloneID{"a:1", "b:1"}, Waiting: []spec.CloneID{"b:1"}, Until: now.Add(time.Second),
	}}
	r.save()
	got := &roleActor{house: &house{base: h.base, saving: saved, now: h.now}, home: "web"}
	got.restore(nil, readRoles(h, saved)["web"])
	if fmt.Sprint(got.group.Members, got.group.Waiting, got.group.Phase, got.group.Epoch) != fmt.Sprint(r.group.Members, r.group.Waiting, r.group.Phase, r.group.Epoch) ||
		!near2(got.group.Until, r.group.Until) || len(got.failures) != 1 || !near2(got.failures[0], r.failures[0]) {
		t.Errorf("%+v, want %+v", got, r)
	}
	r.group, r.failures = lifecycle.Group{Epoch: 3}, nil
	if r.save(); len(saved) != 0 {
		t.Errorf("it knows nothing, and %v is kept", saved)
	}
}
