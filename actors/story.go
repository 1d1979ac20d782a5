package actors

import (
	"fmt"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/restart"
	"github.com/dcousineau/phorever/spec"
)

// next says what follows an end that nobody ordered, as a phrase.
func (p *processActor) next() string {
	if p.machine.State == event.Paused {
		return "it is paused and stays down"
	}
	switch p.verdict.Action {
	case restart.Finish:
		return fmt.Sprintf("done, not resurrected (resurrect: %s)", p.process.Restart.Resurrect)
	case restart.GiveUp:
		if p.verdict.Told {
			return "still given up"
		}
		return "giving up"
	case restart.Again:
	}
	switch {
	case p.machine.Held:
		return "its role restarts together"
	case p.verdict.Delay > 0:
		return "resurrecting in " + spec.FormatDuration(p.verdict.Delay)
	}
	return "resurrecting now"
}

// reason is the sentence beside the state. What depends on the time of reading is added there.
func (p *processActor) reason() string {
	last := ""
	if p.exit != nil {
		last = p.exit.Story()
	}
	switch p.machine.State {
	case event.Starting:
		if !p.machine.Up {
			return "being started"
		}
		return "not up for " + spec.FormatDuration(p.process.Restart.StableAfter) + " yet"
	case event.Running:
		return p.complaint
	case event.Backoff:
		switch {
		case p.machine.Live:
			return p.why
		case p.machine.Held:
			return strings.TrimPrefix(last+"; waits for its role", "; ")
		}
		return last
	case event.Stopping:
		return p.stoppingReason()
	case event.Stopped:
		return p.why
	case event.Paused:
		if p.machine.Stale {
			return "paused by an order; its configuration changed since, it is restarted when it is resumed"
		}
		return "paused by an order"
	case event.Exited:
		return last + fmt.Sprintf("; not resurrected (resurrect: %s)", p.process.Restart.Resurrect)
	case event.Fatal:
		why := p.verdict.Reason
		if p.doom != "" {
			return p.doom
		}
		return strings.TrimSuffix("gave up: "+why+", last: "+last, ", last: ")
	}
	return ""
}

func (p *processActor) stoppingReason() string {
	switch {
	case !p.machine.Up:
		return p.why + "; waits for its start to return"
	case p.killed:
		return p.why + "; KILL was sent and it has not ended: it may hang in the kernel"
	case p.stopStep > 0: // a reload may have left fewer signals than were sent
		return fmt.Sprintf("%s; %s was sent", p.why, p.process.Stop.Signals[min(p.stopStep, len(p.process.Stop.Signals))-1])
	}
	return p.why
}

// publish tells the read-model what the clone looks like now.
func (p *processActor) publish() {
	moved := processMoved{
		ID: p.id, Process: p.process, Config: p.config, Number: p.number, Role: p.role,
		State: p.machine.State, Reason: p.reason(), Pid: p.pid, Run: p.machine.Run, StartedAt: p.startedAt,
		Failures: p.history, Exit: p.exit, Health: p.healthNow(), Said: p.said, Lines: p.lines, Names: p.names.Load(), Retired: p.retiring && p.machine.State == event.Stopped,
	}
	if p.machine.State == event.Backoff || p.machine.State == event.Fatal {
		moved.NextStart = p.deadline
	}
	if p.machine.State == event.Stopping && !p.killed {
		moved.KillAt = p.killAt()
	}
	p.house.system.EventStream.Publish(moved)
}

// killAt is when KILL comes if nothing else ends the run, zero for never.
func (p *processActor) killAt() time.Time {
	if p.deadline.IsZero() {
		return time.Time{}
	}
	left := max(0, len(p.process.Stop.Signals)-p.stopStep)
	return p.deadline.Add(time.Duration(left) * p.process.Stop.Timeout)
}
