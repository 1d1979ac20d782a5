package actors

import (
	"fmt"
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/actors/internal/sample"
	"github.com/dcousineau/phorever/spec"
)

// What a clone does about what was found at its run: it tells, and ends what is of no use, as its configuration says.

const (
	wild       = "runs away"
	goesOn     = "it goes on"
	isReplaced = "it is ended, and the policy decides"
)

func (p *processActor) judged(ctx actor.Context, msg judgeProcess) {
	if msg.Run != p.machine.Run || p.machine.State != event.Running {
		return // that was another life
	}
	switch found := msg.Finding.(type) {
	case sample.RunsAway:
		if p.process.Runaway == nil {
			return
		}
		ends := p.process.Runaway.Restart
		p.house.announce(event.ProcessRunaway{ID: p.id, Role: p.role, Run: msg.Run, Pid: p.pid, CPU: found.CPU, For: found.For, Next: consequence(ends)})
		why := fmt.Sprintf("%.0f %% CPU for %s", found.CPU*100, spec.FormatDuration(found.For))
		p.complaint = wild + ": " + why
		p.treat(ctx, ends, why)
	case sample.CalmsDown:
		p.settleComplaint(wild)
		p.house.announce(event.ProcessRecovered{ID: p.id, Role: p.role, Run: msg.Run, Pid: p.pid, Calm: &event.Calm{CPU: found.CPU, After: found.For}})
	case sample.Grows:
		p.house.announce(event.ProcessGrowing{
			ID: p.id, Role: p.role, Run: msg.Run, Pid: p.pid, Memory: found.Memory, Limit: found.Limit, Hourly: found.Hourly, Left: found.Left,
		})
	case sample.FallsSilent:
		if p.process.Health == nil {
			return
		}
		ends, why := p.process.Health.Restart, "no line for "+spec.FormatDuration(found.For)
		p.health, p.complaint, p.said = unhealthy, unhealthy+": "+why, written(p.lines)
		p.house.announce(event.ProcessUnhealthy{ID: p.id, Role: p.role, Run: msg.Run, Pid: p.pid, Why: why, Next: consequence(ends)})
		p.treat(ctx, ends, why)
	case sample.Speaks:
		if p.process.Health == nil {
			return
		}
		if p.health == unhealthy {
			p.house.announce(event.ProcessHealthy{ID: p.id, Role: p.role, Run: msg.Run, Pid: p.pid, Why: "it writes lines"})
		}
		p.health = healthy
		p.settleComplaint(unhealthy)
	}
}

// settleComplaint ends the complaint about something, not one about something else.
func (p *processActor) settleComplaint(about string) {
	if strings.HasPrefix(p.complaint, about) {
		p.complaint = ""
	}
}

func consequence(ends bool) string {
	if ends {
		return isReplaced
	}
	return goesOn
}

// treat ends what is of no use.
func (p *processActor) treat(ctx actor.Context, ends bool, illness string) {
	if ends {
		p.illness, p.why = illness, p.complaint
		p.step(ctx, lifecycle.FoundUnhealthy)
	}
}

// healthNow is what users read.
func (p *processActor) healthNow() string {
	if p.process.Health == nil || p.machine.State != event.Running {
		return unknown
	}
	return p.health
}

// The words for health, as users read them. Of a clone that has none to be checked, and before the first sign, it is unknown.
const (
	unknown   = "unknown"
	healthy   = "healthy"
	unhealthy = "unhealthy"
)
