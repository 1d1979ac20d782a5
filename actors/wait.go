package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
)

// goal is what an order waits for.
type goal int

const (
	goalNone goal = iota // nothing: the answer is that it was ordered
	goalUp               // RUNNING once, or done
	goalDown             // nothing of it is alive
)

// awaited is somebody who waits for a clone to settle. The zero value is nobody.
type awaited struct {
	goal  goal
	did   string
	run   int       // whose end is awaited
	until time.Time // when whoever waits has left; zero: never
	reply chan<- Outcome
}

func (a awaited) saying(did string) awaited {
	a.did = did
	return a
}

// answer never blocks: the channel has room for every clone that it was given to.
func (a awaited) answer(outcome Outcome) {
	if a.reply != nil {
		a.reply <- outcome
	}
}

// await keeps somebody until the clone has settled; settle answers.
func (p *processActor) await(wait awaited) {
	if wait.reply != nil {
		wait.run = p.machine.Run
		p.waiters = append(p.waiters, wait)
	}
}

// settle ends every message: who waited is answered, the read-model is told, and what must be escalated is.
func (p *processActor) settle(ctx actor.Context) {
	p.save()
	p.release()
	p.publish()
	kept := p.waiters[:0]
	for _, wait := range p.waiters {
		if outcome, settled := p.settled(wait); settled {
			wait.answer(outcome)
		} else if wait.until.IsZero() || p.house.now().Before(wait.until) {
			kept = append(kept, wait)
		}
	}
	clear(p.waiters[len(kept):])
	p.waiters = kept
	if p.retiring && p.machine.State == event.Stopped {
		ctx.Send(ctx.Parent(), cloneRetired{p.id, clonePast{Run: p.machine.Run, Exit: p.exit}})
	}
	if given := p.gaveUp; given != nil {
		p.gaveUp = nil
		fail(ctx, *given)
	}
}

// release lets go of runs whose end is written down: until then whoever comes after us must see it again.
func (p *processActor) release() {
	for _, id := range p.over {
		p.house.saving.Written(func() { p.house.table.Release(id) })
	}
	p.over = p.over[:0]
}

func (p *processActor) settled(wait awaited) (outcome Outcome, settled bool) {
	state := p.machine.State
	down := state == event.Stopped || state == event.Exited || state == event.Fatal
	problem := ""
	switch wait.goal {
	case goalNone:
		settled = true
	case goalDown:
		settled = !p.machine.Live || p.machine.Run != wait.run
		if settled && p.machine.Live {
			wait.did += ", and was started again by another order"
		}
	case goalUp:
		settled = down || state == event.Running || state == event.Paused
		if state == event.Fatal || state == event.Exited && p.exit != nil && p.exit.Failure {
			problem = "is " + string(state) + ": " + p.reason()
		} else if state == event.Stopped {
			problem = "was stopped meanwhile"
		}
	}
	return p.outcome(wait.did, problem), settled
}

func (p *processActor) outcome(did, problem string) Outcome {
	return Outcome{ID: p.id, Did: did, OK: problem == "", State: p.machine.State, Pid: p.pid, Problem: problem}
}

// did says what an order has done to a clone, for people.
func did(input lifecycle.Input, before, after lifecycle.Machine) string {
	fresh := after.Run != before.Run
	switch input {
	case lifecycle.EnsureOrdered, lifecycle.StartOrdered, lifecycle.ResetOrdered:
		switch {
		case fresh:
			return "started"
		case before.State == event.Stopping:
			return "starts again once it has stopped"
		case before.State == event.Backoff:
			return "waits to be resurrected"
		case before.State == event.Paused && after.State != event.Paused:
			return "resumed"
		case before.State == event.Paused:
			return "is paused"
		case input == lifecycle.ResetOrdered:
			return "failures cleared"
		case before.State == event.Starting:
			return "already starting"
		}
		return "already running"
	case lifecycle.StopOrdered:
		if before.State == event.Stopped {
			return "already stopped"
		}
		return "stopped"
	case lifecycle.RestartOrdered, lifecycle.ReplaceOrdered:
		switch {
		case before == after && input == lifecycle.ReplaceOrdered:
			return "reconfigured"
		case after.State == event.Paused:
			return "is paused, and restarted when it is resumed"
		case before.Live:
			return "restarted"
		}
		return "started"
	case lifecycle.PauseOrdered:
		switch {
		case before.State == event.Paused:
			return "already paused"
		case after.State != event.Paused:
			return "not paused: it is " + string(after.State)
		}
		return "paused"
	case lifecycle.ResumeOrdered:
		switch {
		case before.State != event.Paused:
			return "not paused"
		case after.State == event.Stopping:
			return "resumed, and restarted as its configuration changed"
		}
		return "resumed"
	}
	return input.String()
}
