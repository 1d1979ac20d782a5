package actors

import (
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/spec"
)

// The orders as they reach the root: each with the channel, of room for one, on which its answer is awaited.
type (
	startProcesses struct {
		StartOrder
		Reply chan<- answer
	}
	stopProcesses struct {
		StopOrder
		Reply chan<- answer
	}
	restartProcesses struct {
		RestartOrder
		Reply chan<- answer
	}
	scaleProcesses struct {
		ScaleOrder
		Reply chan<- answer
	}
	inputProcesses struct { // pause, resume, reset
		Targets []Target
		Input   lifecycle.Input
		Reply   chan<- answer
	}
	signalProcesses struct {
		SignalOrder
		Reply chan<- answer
	}
	resolveTargets struct {
		Targets []Target
		Reply   chan<- answer
	}
)

// answer is what became of an order at the root: refused, or under way with outcomes to come.
type answer struct {
	err      error
	ids      []spec.CloneID // whose outcomes come, once each
	outcomes <-chan Outcome
	notes    []string
	changes  []spec.Change
	stopping time.Duration // the longest stop timeout among those that must end before they start
}

// gather prepares the outcomes of clones: the channel has room for all, so that no clone ever waits to answer. Those
// that must stop before they start have their stop timeout beside the wait; without a wait nobody waits for a start.
func (r *rootActor) gather(of []spec.CloneID, goal goal, wait time.Duration, stops ...spec.CloneID) (answer, awaited) {
	outcomes := make(chan Outcome, len(of))
	waits := awaited{goal: goal, reply: outcomes}
	given := answer{ids: of, outcomes: outcomes}
	for _, id := range stops {
		if s := r.slots[id]; s != nil {
			given.stopping = max(given.stopping, stopTime(s.process))
		}
	}
	switch {
	case goal != goalUp:
	case wait == 0:
		waits.goal = goalNone
	default:
		waits.until = r.until(wait + given.stopping)
	}
	return given, waits
}

// stopTime is how long a process may take to end: every signal with the whole timeout, then a moment for KILL.
func stopTime(process *spec.Process) time.Duration {
	if process.Stop.Timeout == spec.Forever {
		return 365 * 24 * time.Hour
	}
	return time.Duration(len(process.Stop.Signals))*process.Stop.Timeout + unkillable
}

func (r *rootActor) refused(reply chan<- answer, err error) bool {
	if err == nil && r.closing {
		err = fmt.Errorf("the daemon is stopping")
	}
	if err != nil {
		reply <- answer{err: err}
		return true
	}
	return false
}

func (r *rootActor) start(ctx actor.Context, msg startProcesses) {
	hits, roles, err := r.directory().resolve(msg.Targets, true)
	if r.refused(msg.Reply, err) {
		return
	}
	if len(msg.Targets) == 0 || slices.Contains(msg.Targets, "all") {
		r.intent.everything = true
		all, every := r.everything()
		named := slices.DeleteFunc(hits, func(h hit) bool { return !h.named })
		hits, roles = slices.Concat(all, named), every
	}
	for _, role := range roles {
		r.activate(role)
	}
	inputs := map[spec.CloneID]lifecycle.Input{}
	for _, h := range hits {
		input := lifecycle.EnsureOrdered
		if h.named {
			input = lifecycle.StartOrdered // also one in BACKOFF, at once
		}
		if h.role != "" {
			r.intent.release(h, halt)
		} else {
			r.intent.choose(h, run)
		}
		for _, n := range h.clones {
			if id := h.process.Clone(n); inputs[id] != lifecycle.StartOrdered && r.intent.wants(h.process, n) && r.ensureSlot(ctx, h.process, n) {
				inputs[id] = input
			}
		}
	}
	r.relabel(ctx)
	r.publish()
	of := r.chosen(ids(hits), inputs)
	given, wait := r.gather(of, goalUp, msg.Wait)
	for _, id := range of {
		r.order(ctx, id, inputs[id], "", wait)
	}
	msg.Reply <- given
}

// everything is what a start means that names nothing: every role, and every process that starts by itself.
func (r *rootActor) everything() (hits []hit, roles []string) {
	for _, role := range r.config.Roles {
		roles = append(roles, role.Name)
	}
	d := r.directory()
	for i := range r.config.Processes {
		p := &r.config.Processes[i]
		switch {
		case len(p.Roles) > 0:
			hits = append(hits, d.whole(p, p.Roles[0]))
		case p.Autostart:
			hits = append(hits, d.whole(p, ""))
		}
	}
	return hits, roles
}

// chosen keeps of ids those that have an input, in order.
func (r *rootActor) chosen(of []spec.CloneID, inputs map[spec.CloneID]lifecycle.Input) []spec.CloneID {
	var kept []spec.CloneID
	for _, id := range of {
		if _, ok := inputs[id]; ok {
			kept = append(kept, id)
		}
	}
	return kept
}

func (r *rootActor) stop(ctx actor.Context, msg stopProcesses) {
	hits, roles, err := r.directory().resolve(msg.Targets, false)
	if r.refused(msg.Reply, err) {
		return
	}
	var of []spec.CloneID
	var notes []string
	for _, role := range roles {
		if r.intent.active[role] {
			notes = append(notes, fmt.Sprintf("role %s is not active any more", role))
		}
		r.deactivate(role, "stopped by an order")
	}
	if slices.Contains(msg.Targets, "all") {
		r.intent.everything = false
	}
	for _, h := range hits {
		if h.role == "" {
			r.intent.choose(h, halt)
		} else {
			r.intent.release(h, run)
		}
		for _, n := range h.clones {
			id := h.process.Clone(n)
			if r.intent.wants(h.process, n) {
				notes = append(notes, fmt.Sprintf("%s runs on: role %s is active", id, r.intent.activeRole(h.process)))
				continue
			}
			of = append(of, id)
		}
	}
	r.relabel(ctx)
	r.publish()
	given, wait := r.gather(distinct(of), goalDown, 0)
	given.notes = notes
	for _, id := range given.ids {
		r.order(ctx, id, lifecycle.StopOrdered, "stopped by an order", wait)
	}
	msg.Reply <- given
}

func (r *rootActor) restart(ctx actor.Context, msg restartProcesses) {
	targets := msg.Targets
	if len(targets) == 0 {
		targets = []Target{"all"}
	}
	hits, _, err := r.directory().resolve(targets, false)
	if r.refused(msg.Reply, err) {
		return
	}
	var of []spec.CloneID
	for _, h := range hits {
		named := h.role == "" && len(msg.Targets) > 0 && msg.Targets[0] != "all"
		for _, n := range h.clones {
			if named && !r.intent.wants(h.process, n) {
				r.intent.choose(hit{process: h.process, clones: []int{n}}, run)
			}
			if r.intent.wants(h.process, n) && r.ensureSlot(ctx, h.process, n) {
				of = append(of, h.process.Clone(n))
			}
		}
	}
	r.publish()
	of = distinct(of)
	given, wait := r.gather(of, goalUp, msg.Wait, of...)
	for _, id := range given.ids {
		r.order(ctx, id, lifecycle.RestartOrdered, "restarted by an order", wait)
	}
	msg.Reply <- given
}

// input passes a pause, resume or reset on.
func (r *rootActor) input(ctx actor.Context, msg inputProcesses) {
	hits, _, err := r.directory().resolve(msg.Targets, false)
	if r.refused(msg.Reply, err) {
		return
	}
	of := ids(hits)
	if msg.Input == lifecycle.ResetOrdered {
		for _, h := range hits {
			for _, n := range h.clones {
				if !r.intent.wants(h.process, n) {
					r.intent.choose(hit{process: h.process, clones: []int{n}}, run)
				}
				r.ensureSlot(ctx, h.process, n)
			}
		}
		r.publish()
	}
	given, wait := r.gather(of, goalNone, 0)
	for _, id := range of {
		r.order(ctx, id, msg.Input, "", wait)
	}
	msg.Reply <- given
}

func (r *rootActor) signal(ctx actor.Context, msg signalProcesses) {
	hits, _, err := r.directory().resolve(msg.Targets, false)
	if r.refused(msg.Reply, err) {
		return
	}
	of := ids(hits)
	given, wait := r.gather(of, goalNone, 0)
	for _, id := range of {
		if s := r.slots[id]; s != nil {
			ctx.Send(r.home(ctx, s.home), signalProcess{ID: id, Signal: msg.Signal, Wait: wait})
			continue
		}
		wait.answer(Outcome{ID: id, Did: "was not signaled", State: event.Stopped, Problem: "it is STOPPED, it has no process"})
	}
	msg.Reply <- given
}

func (r *rootActor) resolveFor(msg resolveTargets) {
	hits, _, err := r.directory().resolve(msg.Targets, false)
	msg.Reply <- answer{err: err, ids: ids(hits)}
}

func distinct(of []spec.CloneID) []spec.CloneID {
	seen := make(map[spec.CloneID]bool, len(of))
	kept := of[:0]
	for _, id := range of {
		if !seen[id] {
			seen[id] = true
			kept = append(kept, id)
		}
	}
	return kept
}
