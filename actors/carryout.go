package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/actors/internal/restart"
	"github.com/dcousineau/phorever/spec"
)

// unkillable is how long a process may take to die of KILL before it is told to hang in the kernel.
const unkillable = 5 * time.Second

// step moves the machine and carries out what follows.
func (p *processActor) step(ctx actor.Context, input lifecycle.Input) (known bool) {
	before := p.machine.State
	next, effects, known := lifecycle.Step(p.machine, input)
	p.machine = next
	for _, effect := range effects {
		p.carryOut(ctx, effect)
	}
	if before != next.State && (next.State == event.Stopped || next.State == event.Exited || next.State == event.Fatal) {
		ctx.Send(ctx.Parent(), memberLeft{p.id})
		if next.State == event.Exited {
			ctx.Send(ctx.Parent(), memberDone{p.id, p.exit, p.exit != nil && p.exit.Failure})
		}
	}
	return known
}

func (p *processActor) carryOut(ctx actor.Context, effect lifecycle.Effect) {
	switch effect {
	case lifecycle.StartRun:
		p.startRun(ctx)
	case lifecycle.StopRun:
		p.stopStep, p.killed = 0, false
		p.press(ctx)
	case lifecycle.PressRun:
		p.press(ctx)
	case lifecycle.KillRun:
		p.kill(ctx)
	case lifecycle.PauseRun:
		ctx.Send(p.run, signalRun{Run: p.machine.Run, Signal: p.process.Pause.Number(), Scope: pauseScope(p.process)})
	case lifecycle.ContinueRun:
		ctx.Send(p.run, signalRun{Run: p.machine.Run, Signal: spec.Signal("CONT").Number(), Scope: child.Group})
	case lifecycle.AbandonRun:
		p.dropRun(ctx)
	case lifecycle.AwaitStable:
		p.armUntil(ctx, p.startedAt.Add(p.process.Restart.StableAfter))
	case lifecycle.AwaitRecovery:
		p.armUntil(ctx, p.startedAt.Add(restart.HealedAfter))
	case lifecycle.AwaitStop:
		p.awaitStop(ctx)
	case lifecycle.AwaitStart:
		p.armUntil(ctx, p.exit.At.Add(p.verdict.Delay))
	case lifecycle.AwaitRetry:
		if p.verdict.Delay > 0 {
			p.armUntil(ctx, p.exit.At.Add(p.verdict.Delay))
		}
	case lifecycle.Disarm:
		p.disarm()
	case lifecycle.ForgetFailures:
		p.history = restart.History{}
	case lifecycle.TellHeld:
		ctx.Send(ctx.Parent(), p.held())
	default:
		p.tell(effect)
	}
}

// startRun gives the run its plan and an actor: the suspended one in a new incarnation, or a new one.
func (p *processActor) startRun(ctx actor.Context) {
	p.pid, p.startedAt, p.stopStep, p.killed, p.doom, p.illness, p.complaint = 0, time.Time{}, 0, false, "", "", ""
	p.said = written(p.lines)
	if p.health == healthy {
		p.health = "" // until it is seen to be
	}
	p.launch.Store(p.plan())
	p.save() // before the process is there: its fork waits for what was written before
	if p.suspended {
		p.suspended = false
		ctx.(actor.Supervisor).RestartChildren(p.run)
		return
	}
	p.dropRun(ctx)
	p.spawnRun(ctx)
}

func (p *processActor) plan() *runPlan {
	return &runPlan{id: p.runID(), plan: planOf(p.house, p.config, p.process, p.number, p.role, &p.names)}
}

func (p *processActor) spawnRun(ctx actor.Context) {
	house, launch := p.house, p.launch
	// The producer runs on the child's goroutine: it reads nothing of the clone but the published plan.
	p.run = ctx.Spawn(actor.PropsFromProducer(func() actor.Actor { return &runActor{house: house, run: *launch.Load()} }))
	p.suspended = false
}

func (p *processActor) dropRun(ctx actor.Context) {
	if p.run != nil {
		ctx.Stop(p.run)
	}
	p.run, p.suspended = nil, false
}

// press sends the next polite signal, or KILL after the last one.
func (p *processActor) press(ctx actor.Context) {
	signals := p.process.Stop.Signals
	if p.stopStep >= len(signals) {
		p.kill(ctx)
		return
	}
	signal := signals[p.stopStep]
	p.stopStep++
	ctx.Send(p.run, stopRun{Run: p.machine.Run, Signal: signal.Number(), Scope: scopes[p.process.Stop.Scope]})
}

// scopes are the table's words for who gets the polite signal.
var scopes = map[spec.StopScope]child.Scope{spec.ScopeMain: child.Main, spec.ScopeGroup: child.Group, spec.ScopeTree: child.Tree}

// pauseScope is who stands still: all of a group, unless the program has a signal of its own for it.
func pauseScope(process *spec.Process) child.Scope {
	if process.Pause == "STOP" {
		return child.Group
	}
	return child.Main
}

func (p *processActor) kill(ctx actor.Context) {
	p.killed = true
	if p.run != nil {
		ctx.Send(p.run, killRun{p.machine.Run})
	}
}

func (p *processActor) awaitStop(ctx actor.Context) {
	switch {
	case p.killed:
		p.armUntil(ctx, p.house.now().Add(unkillable))
	case p.process.Stop.Timeout != spec.Forever:
		p.armUntil(ctx, p.house.now().Add(p.process.Stop.Timeout))
	}
}

// armUntil sets the one deadline of the clone; a time that has passed is a deadline at once.
func (p *processActor) armUntil(ctx actor.Context, at time.Time) {
	p.disarm()
	p.deadline = at
	p.generation++
	p.timer = p.house.after(max(0, at.Sub(p.house.now())), ctx.Self(), deadlinePassed{p.generation})
}

func (p *processActor) disarm() {
	p.still()
	p.deadline = time.Time{}
}

// still stops the clock, and forgets no deadline.
func (p *processActor) still() {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.timer = nil
}

// tell announces what the machine says has happened.
func (p *processActor) tell(effect lifecycle.Effect) {
	id, role, run, pid := p.id, p.role, p.machine.Run, p.pid
	var exit *event.Exit
	if p.ended != nil { // the machine may count the next run already
		run, pid, exit = p.ended.Run, p.ended.Pid, p.exit
	}
	switch effect {
	case lifecycle.TellStarted:
		p.house.announce(event.ProcessStarted{ID: id, Role: role, Run: run, Pid: pid})
	case lifecycle.TellReady:
		p.house.announce(event.ProcessReady{ID: id, Role: role, Run: run, Pid: pid, After: p.house.now().Sub(p.startedAt).Round(time.Millisecond)})
	case lifecycle.TellExited:
		var tail func() []string
		if p.exit.Failure {
			tail = p.tailOf(run, false)
		}
		p.house.announceWith(event.ProcessExited{ID: id, Role: role, Run: run, Pid: pid, Exit: *p.exit, Next: p.next()}, tail)
		if p.machine.State == event.Backoff && !p.machine.Held && p.verdict.Delay > 0 {
			p.house.announce(event.RestartScheduled{ID: id, Role: role, Run: run, Delay: p.verdict.Delay, Why: p.exit.Story()})
		}
	case lifecycle.TellStopped:
		p.house.announce(event.ProcessStopped{ID: id, Role: role, Run: run, Pid: pid, Exit: exit, Why: p.why})
	case lifecycle.TellGaveUp:
		p.tellGaveUp()
	case lifecycle.TellRecovered:
		p.house.announce(event.ProcessRecovered{ID: id, Role: role, Run: run, Pid: pid})
	case lifecycle.TellPaused:
		p.house.announce(event.ProcessPaused{ID: id, Role: role, Run: run, Pid: pid})
	case lifecycle.TellResumed:
		p.house.announce(event.ProcessResumed{ID: id, Role: role, Run: run, Pid: pid})
	}
}

// held is what the role is told: an own failure begins a group restart, which is due when the policy says.
func (p *processActor) held() memberHeld {
	if p.ended != nil && p.exit.Failure {
		return memberHeld{ID: p.id, Own: true, Due: p.exit.At.Add(p.verdict.Delay)}
	}
	return memberHeld{ID: p.id}
}

// tellGaveUp announces FATAL, once: a healing try that fails is not announced again. An essential role hears of it when
// the message at hand is done.
func (p *processActor) tellGaveUp() {
	why, retry := p.verdict.Reason, p.verdict.Delay
	switch {
	case p.doom != "":
		why, retry = p.doom, 0
	case p.verdict.Told:
		return
	}
	p.gaveUp = &gaveUp{ID: p.id, Why: why, End: p.exit}
	run := p.machine.Run
	if p.ended != nil {
		run = p.ended.Run
	}
	p.house.announceWith(event.ProcessGaveUp{ID: p.id, Role: p.role, Run: p.machine.Run, Exit: p.exit, Why: why, Retry: retry}, p.tailOf(run, true))
}
