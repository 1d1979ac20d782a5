package actors

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/spec"
)

// Whatever a killed daemon has written down of a clone, and whatever runs of it are found: the clone goes on with one, the newest, unless
// it has noted its end, and the others are released. What was known of earlier runs stays.
func TestAClonesStateAndItsRunsAreBroughtTogether(t *testing.T) {
	state := func(state event.State, run int, live bool) *savedClone {
		return &savedClone{Number: 1, Machine: lifecycle.Machine{State: state, Run: run, Live: live, Up: live}, Why: "saved", Failures: make([]moment, 2)}
	}
	for _, c := range []struct {
		name  string
		saved *savedClone
		found []int // runs; the negative ones have ended, and nobody saw how
		state event.State
		run   int // the live one, 0: none
		over  []int
	}{
		{"as it was written down", state(event.Running, 7, true), []int{7}, event.Running, 7, nil},
		{"as it was written down, ended meanwhile", state(event.Running, 7, true), []int{-7}, event.Running, 7, nil},
		{"it is being stopped", state(event.Stopping, 7, true), []int{7}, event.Stopping, 7, nil},
		{"its end is noted", state(event.Backoff, 7, false), []int{7}, event.Backoff, 0, []int{7}},
		{"its end is noted, and nobody saw how", state(event.Fatal, 7, false), []int{-7}, event.Fatal, 0, []int{-7}},
		{"the next one is noted, and was not forked", state(event.Starting, 8, true), []int{7}, event.Starting, 8, []int{7}},
		{"the next one is not noted", state(event.Running, 7, true), []int{7, 8}, event.Running, 8, []int{7}},
		{"the next one comes first in the list", state(event.Running, 7, true), []int{8, 7}, event.Running, 8, []int{7}},
		{"the older one is known", state(event.Running, 8, true), []int{8, 7}, event.Running, 8, []int{7}},
		{"it was stopped, and started again", state(event.Stopped, 7, false), []int{8}, event.Running, 8, nil},
		{"it was started, and has ended", state(event.Stopped, 7, false), []int{-8}, event.Running, 8, nil},
		{"nothing is known", nil, []int{3}, event.Running, 3, nil},
		{"nothing is known of several", nil, []int{3, 5, 4}, event.Running, 5, []int{3, 4}},
		{"nothing is known, an older one lives", nil, []int{3, -4}, event.Running, 3, []int{-4}},
		{"nothing is known, nothing lives", nil, []int{-3, -2}, "", 0, []int{-3, -2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Now()
			quiet := logrus.New()
			quiet.SetOutput(io.Discard)
			h := &house{log: quiet, base: clockBase{now, time.Hour}, now: func() time.Time { return now }}
			known := c.saved != nil
			var runs []child.Recovered
			for _, run := range c.found {
				found := child.Recovered{ID: child.RunID{Clone: "web:1", Run: max(run, -run)}}
				if run > 0 {
					found.Pid, found.Since = 100+run, now
				}
				runs = append(runs, found)
			}
			s, over := h.reconcile(c.saved, runs)
			var want []child.RunID
			for _, run := range c.over {
				want = append(want, child.RunID{Clone: "web:1", Run: max(run, -run)})
			}
			if !slices.Equal(over, want) {
				t.Errorf("want %v to be released, got %v", want, over)
			}
			got := "none"
			if s != nil {
				got = fmt.Sprint(s.Machine.State, s.Machine.Live, s.Number)
				if s.Machine.Live && s.Machine.Run != c.run {
					t.Errorf("want run %d to go on, got %d", c.run, s.Machine.Run)
				}
				if known && len(s.Failures) != 2 {
					t.Error("its failures are forgotten")
				}
			}
			if expect := fmt.Sprint(c.state, c.run > 0, 1); c.state != "" && got != expect || c.state == "" && s != nil {
				t.Errorf("want %s, got %s", expect, got)
			}
		})
	}
}

// What a run was to live for does not come true for one that has ended while nobody could see it.
func TestADeadRunReachesNoDeadline(t *testing.T) {
	for _, c := range []struct {
		state event.State
		found child.Recovered
		kept  bool
	}{
		{event.Starting, child.Recovered{Pid: 100}, true},
		{event.Starting, child.Recovered{Pid: 100, Ended: true}, false},
		{event.Starting, child.Recovered{Ended: true}, false},
		{event.Running, child.Recovered{Pid: 100, Ended: true}, false}, // it was to be up for a while to be healed
		{event.Running, child.Recovered{Pid: 100, Ended: true, Replaceable: true}, true},
		{event.Stopping, child.Recovered{Pid: 100, Ended: true}, true}, // what it has left behind is killed then
	} {
		h := &house{}
		s := &savedClone{Number: 1, Machine: lifecycle.Machine{State: c.state, Run: 7, Live: true, Up: true}, Deadline: moment{Boot: time.Hour}}
		c.found.ID = child.RunID{Clone: "web:1", Run: 7}
		after, _ := h.reconcile(s, []child.Recovered{c.found})
		if kept := after.Deadline != (moment{}); kept != c.kept {
			t.Errorf("%s, %+v: want the deadline kept: %v, got %v", c.state, c.found, c.kept, kept)
		}
	}
}

// What was taken back is known when it has said so; and what has ended meanwhile when its end was heard of, or what has taken its place.
func TestTheReadModelWaitsForWhatWasTakenBack(t *testing.T) {
	for _, c := range []struct {
		name  string
		gone  unseen
		moves []processMoved // of which the last makes it complete
	}{
		{"it runs", unseen{}, []processMoved{{Run: 7, Pid: 100}}},
		{"it has ended, and is given up", unseen{7, 100}, []processMoved{{Run: 7, Pid: 100}, {Run: 7}}},
		{"it has ended, and runs again", unseen{7, 100}, []processMoved{{Run: 7, Pid: 100}, {Run: 8, Pid: 101}}},
		{"another process has taken its place", unseen{7, 100}, []processMoved{{Run: 7, Pid: 100}, {Run: 7, Pid: 101}}},
		{"nobody knew its process", unseen{7, 0}, []processMoved{{Run: 7}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModel()
			m.expect(map[spec.CloneID]unseen{"web:1": c.gone})
			for i, moved := range c.moves {
				select {
				case <-m.complete:
					t.Fatalf("complete before move %d", i)
				default:
				}
				moved.ID = "web:1"
				m.move(moved)
			}
			select {
			case <-m.complete:
			default:
				t.Error("never complete")
			}
		})
	}
}
