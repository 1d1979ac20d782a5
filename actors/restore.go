package actors

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/actors/internal/restart"
	"github.com/dcousineau/phorever/spec"
)

func duration(nanoseconds int64) time.Duration { return time.Duration(nanoseconds) }

// restore takes up what an earlier daemon has left: each clone with what it knew, and runs that nobody has written down.
func (r *rootActor) restore(ctx actor.Context, saved map[string][]byte) {
	if len(saved) == 0 && len(r.house.table.Recovered()) == 0 {
		return
	}
	var known bool
	r.intent, known = readIntent(r.house, saved)
	clones := readClones(r.house, saved)
	r.pastRoles = readRoles(r.house, saved)
	found := map[spec.CloneID][]child.Recovered{}
	for _, run := range r.house.table.Recovered() {
		id := spec.CloneID(run.ID.Clone)
		if isHelper(id) {
			r.house.table.EndStray(run.ID, child.Plan{Prepare: noStart})
			continue
		}
		found[id] = append(found[id], run)
	}
	for id, runs := range found {
		s, over := r.house.reconcile(clones[id], runs)
		process := r.processOf(id)
		for _, run := range over {
			plan := child.Plan{Prepare: noStart}
			if process != nil {
				_, number := id.Split()
				plan = planOf(r.house, r.config, process, number, r.intent.activeRole(process), new(atomic.Pointer[logNames]))
			}
			r.house.table.EndStray(run, plan)
		}
		if s != nil && clones[id] == nil && process != nil && !known {
			r.intent.choose(hit{process: process, clones: []int{s.Number}}, run)
		}
		if s != nil {
			clones[id] = s
		}
	}
	r.house.model.expect(unheard(clones, found))
	for id, s := range clones {
		process := r.processOf(id)
		switch {
		case process == nil && !s.Machine.Live:
			r.house.saving.Delete(cloneKey(id))
			r.house.model.remove(id)
			continue
		case process == nil:
			name, _ := id.Split()
			process = stranger(name)
			s.Retiring = true
		case s.Number > r.count(process):
			s.Retiring = true
		}
		removed := s.Retiring
		s.Retiring = removed || r.stopping != "" // from its first moment on: nothing is to start for it
		r.fill(ctx, process, s.Number, clonePast{Saved: s})
		if removed {
			r.retire(ctx, id, "it is not in the configuration any more", awaited{})
		}
	}
	r.regroup(ctx, r.pastRoles, clones)
	r.publish()
	var loss savedLoss
	if text, ok := saved[lossKey]; ok && json.Unmarshal(text, &loss) == nil { // the daemon before did not live to end everything
		r.shutdown(ctx, shutdown{loss.Reason, loss.Code, true})
	}
}

// unheard are the clones of which the read-model is to hear, each with what of it has ended meanwhile.
func unheard(clones map[spec.CloneID]*savedClone, found map[spec.CloneID][]child.Recovered) map[spec.CloneID]unseen {
	all := map[spec.CloneID]unseen{}
	for id, s := range clones {
		all[id] = unseen{}
		for _, run := range found[id] {
			if run.Ended && s.Machine.Live && run.ID.Run == s.Machine.Run {
				all[id] = unseen{run.ID.Run, s.Pid}
			}
		}
	}
	return all
}

// reconcile brings together what a clone wrote down last and the runs of it that were found: a daemon that was killed had written one
// thing and not the other. The newest run is the clone's; where the clone has noted its end already, or there are older ones,
// nothing is left to do but to release them. The clone is nil where nothing is known but a run that has ended.
func (h *house) reconcile(s *savedClone, runs []child.Recovered) (clone *savedClone, over []child.RunID) {
	newest := slices.MaxFunc(runs, func(a, b child.Recovered) int { return a.ID.Run - b.ID.Run })
	if s == nil { // the newest that lives
		newest = slices.MaxFunc(runs, func(a, b child.Recovered) int { return cmp.Or(min(a.Pid, 1)-min(b.Pid, 1), a.ID.Run-b.ID.Run) })
	}
	switch {
	case s == nil && newest.Pid == 0:
	case s == nil:
		h.log.Warnf("saved state: nothing was known of %s, pid %d; it is taken back as it is", newest.ID, newest.Pid)
		_, number := spec.CloneID(newest.ID.Clone).Split()
		s = &savedClone{Number: number}
		s.found(h, newest)
	case s.Machine.Run < newest.ID.Run:
		s.found(h, newest)
	}
	goesOn := 0 // no run
	if s != nil && s.Machine.Live {
		goesOn = s.Machine.Run
	}
	for _, run := range runs {
		if run.ID.Run != goesOn {
			over = append(over, run.ID)
		} else if run.Ended && !run.Replaceable && slices.Contains([]event.State{event.Starting, event.Running}, s.Machine.State) {
			s.Deadline = moment{} // it did not live to see it, for all that we know
		}
	}
	return s, over
}

// found makes it the clone whose latest run was found; what was known of earlier ones stays.
func (s *savedClone) found(h *house, newest child.Recovered) {
	s.Machine = lifecycle.Machine{
		State: event.Running, Run: newest.ID.Run, Live: true, Up: true, Healing: s.Machine.Healing || s.Machine.State == event.Fatal,
	}
	s.Pid, s.StartedAt, s.Deadline = newest.Pid, h.base.write(newest.Since), moment{}
	if s.Machine.Healing && newest.Pid != 0 {
		s.Deadline = h.base.write(newest.Since.Add(restart.HealedAfter))
	}
	s.StopStep, s.Killed, s.Doom, s.Illness, s.Why = 0, false, "", "", "found running"
}

// noStart is for what is ended and not started again.
func noStart(child.RunID) (child.Launch, error) { return child.Launch{}, errNoStart }

var errNoStart = errors.New("it is not started again")

// stranger is a process that is not in the configuration any more: it is stopped as one that says nothing of how.
func stranger(name string) *spec.Process {
	return &spec.Process{
		Name: name, ID: name, Clones: spec.Clones{Count: 1}, Pause: "STOP",
		Restart: spec.Restart{Resurrect: spec.ResurrectNever, SuccessExitCodes: []int{0}},
		Stop:    spec.Stop{Signals: []spec.Signal{"TERM"}, Timeout: 10 * time.Second, Scope: spec.ScopeMain},
	}
}

// Taken is how many processes were taken back, and how many of them had ended while nobody could see how.
func (s *System) Taken() (taken, lost int) { return s.house.table.Taken() }

// Quiesce stops the starting of processes and the moving of lines, for good: another daemon goes on with both.
func (s *System) Quiesce() { s.house.table.Quiesce() }

// HandOver tells another keeper of every process and every FIFO.
func (s *System) HandOver(link Link) { s.house.table.HandOver(link) }

// Link is the way to a keeper.
type Link = child.Link
