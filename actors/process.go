package actors

import (
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

// processActor is one clone. It owns what is wanted of it, its state and its history, and always answers, also while it
// waits. It never blocks, and it ends its process only through its runActor.

// Orders to a clone, from its role.
type (
	// orderProcess is one input for the machine, with whoever waits for the outcome.
	orderProcess struct {
		ID    spec.CloneID
		Input lifecycle.Input
		Why   string // of a stop, for people
		Wait  awaited
	}
	// applyProcess gives a clone its new configuration.
	applyProcess struct {
		ID      spec.CloneID
		Config  *spec.Config
		Process *spec.Process
		Role    string
		Restart bool // what runs is out of date
		Wait    awaited
	}
	// labelProcess tells a clone the first of its active roles.
	labelProcess struct {
		ID   spec.CloneID
		Role string
	}
	// retireProcess ends a clone for good; the clone tells its role when nothing of it is left.
	retireProcess struct {
		ID   spec.CloneID
		Why  string
		Wait awaited
	}
	// signalProcess delivers one signal to the main process.
	signalProcess struct {
		ID     spec.CloneID
		Signal spec.Signal
		Wait   awaited
	}
)

// deadlinePassed is a clone's note to itself. A later deadline has made an earlier one void.
type deadlinePassed struct{ Generation int }

// cloneMemory is what a clone knows. It outlives a panic of its actor.
type cloneMemory struct {
	id      spec.CloneID
	number  int
	config  *spec.Config
	process *spec.Process
	role    string // the first of its active roles

	machine lifecycle.Machine
	history restart.History
	pace    restart.Pace
	verdict restart.Verdict // on the latest end that nobody ordered
	exit    *event.Exit     // of the latest run that ended
	ended   *runEnd         // the end that is being dealt with, nil outside
	why     string          // of the latest stop, or of what the clone waits for
	doom    string          // why the role gave up, until the next start
	illness string          // for which the run that goes on is being ended, until the next start
	health  string          // of the latest run that was checked; "": unknown

	complaint string // about the run that goes on, for people
	said      int64  // lines, before the run that goes on

	pid        int
	startedAt  time.Time
	deadline   time.Time // zero: none
	generation int       // of the deadline
	stopStep   int       // polite signals sent to the run that is being stopped
	killed     bool
	retiring   bool
	gaveUp     *gaveUp       // to be escalated when the message at hand is done
	over       []child.RunID // ended, and to be released when that is written down
	lines      lines
	names      atomic.Pointer[logNames] // written where the start is prepared
	waiters    []awaited
}

type processActor struct {
	*cloneMemory
	house     *house
	launch    *launchSlot
	run       *actor.PID
	suspended bool // the run has failed and waits for RestartChildren or StopChildren
	timer     *time.Timer
}

func (p *processActor) Receive(ctx actor.Context) {
	defer p.house.reportPanic(ctx)
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		p.resume(ctx)
	case orderProcess:
		p.order(ctx, msg)
	case applyProcess:
		p.apply(ctx, msg)
	case labelProcess:
		p.role = msg.Role
	case retireProcess:
		p.retire(ctx, msg)
	case signalProcess:
		p.signal(ctx, msg)
	case judgeProcess:
		p.judged(ctx, msg)
	case runSpawned:
		p.spawned(ctx, msg)
	case runStuck:
		p.stuck(ctx, msg)
	case runMainGone:
		p.mainGone(ctx, msg)
	case runOver:
		p.runEnded(ctx, msg.End)
	case deadlinePassed:
		p.deadlinePassed(ctx, msg)
	case *actor.Stopping, *actor.Restarting: // whoever goes on after a panic of ours has the deadline still
		p.still()
		return
	case *actor.Stopped, *actor.Terminated:
		return
	default:
		p.house.unexpected(ctx)
	}
	p.settle(ctx)
}

// HandleFailure makes the clone the supervisor of its run. protoactor-go calls it on the clone's own goroutine.
func (p *processActor) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, who *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	ctx := supervisor.(actor.Context)
	if p.run == nil || !who.Equal(p.run) {
		supervisor.StopChildren(who) // never restarted: it may have a stop queued
		return
	}
	failed, ok := reason.(runFailed)
	if !ok { // a bug in the runActor: its run goes on, and a new incarnation attaches to it
		supervisor.RestartChildren(who)
		return
	}
	p.suspended = true
	p.runEnded(ctx, failed.end)
	if p.suspended && p.machine.State != event.Backoff {
		p.dropRun(ctx)
	}
	p.settle(ctx)
}

// resume begins the life of the actor: for the first time, or after a panic with everything it knew.
func (p *processActor) resume(ctx actor.Context) {
	if p.machine.Live && p.launch.Load() == nil {
		p.launch.Store(p.plan())
	}
	if p.machine.State == event.Fatal && roleOf(p.config, homeOf(p.process)).Essential {
		p.gaveUp = &gaveUp{ID: p.id, Why: p.reason(), End: p.exit} // the daemon before did not live to hear it
	}
	if p.machine.Live {
		p.spawnRun(ctx)
		p.relog()
	}
	if !p.deadline.IsZero() && !(p.retiring && !p.machine.Live) {
		p.armUntil(ctx, p.deadline)
	}
}

func (p *processActor) order(ctx actor.Context, msg orderProcess) {
	before, why, doom := p.machine, p.why, p.doom
	if msg.Why != "" {
		p.why = msg.Why
	}
	if msg.Input == lifecycle.CondemnOrdered {
		p.doom = msg.Why
	}
	known := p.step(ctx, msg.Input)
	if !known && (msg.Input == lifecycle.HoldOrdered || msg.Input == lifecycle.CondemnOrdered) {
		p.why, p.doom = why, doom // it was down already, for a reason of its own
	}
	if msg.Input == lifecycle.HoldOrdered && !known {
		ctx.Send(ctx.Parent(), memberLeft{p.id})
	}
	p.await(msg.Wait.saying(did(msg.Input, before, p.machine)))
}

func (p *processActor) apply(ctx actor.Context, msg applyProcess) {
	p.config, p.process, p.role = msg.Config, msg.Process, msg.Role
	p.retiring = false
	p.relog()
	before := p.machine
	switch {
	case msg.Restart:
		p.why = "its configuration changed"
		p.step(ctx, lifecycle.ReplaceOrdered)
	case before.State == event.Backoff && !before.Held && p.exit != nil && !p.deadline.IsZero():
		p.armUntil(ctx, p.exit.At.Add(restart.Delay(p.process.Restart, p.verdict)))
	case before.State == event.Fatal && p.exit != nil && p.doom == "":
		p.disarm()
		if give := p.process.Restart.GiveUp; give != nil && give.RetryEvery > 0 && !(p.exit.Code != nil && slices.Contains(give.ExitCodes, *p.exit.Code)) {
			p.armUntil(ctx, p.exit.At.Add(give.RetryEvery))
		}
	}
	p.await(msg.Wait.saying(did(lifecycle.ReplaceOrdered, before, p.machine)))
}

// relog applies what may have changed to the log files that are open.
func (p *processActor) relog() {
	names := p.names.Load()
	if names == nil || !p.machine.Live || !p.process.Log.Forward {
		return
	}
	for _, path := range []string{names.stdout, names.stderr} {
		p.house.table.Configure(*logOptions(path, p.process))
	}
}

func (p *processActor) retire(ctx actor.Context, msg retireProcess) {
	before := p.machine
	p.retiring, p.why = true, msg.Why
	p.step(ctx, lifecycle.StopOrdered)
	p.await(msg.Wait.saying(did(lifecycle.StopOrdered, before, p.machine)))
}

func (p *processActor) signal(ctx actor.Context, msg signalProcess) {
	// Asked of the table itself: a message to a run that is just ending would be lost, and its answer with it.
	err := errors.New("it is " + string(p.machine.State) + ", it has no process")
	if p.machine.Live && p.machine.Up {
		err = p.house.table.Signal(p.runID(), msg.Signal.Number(), child.Main)
	}
	if err != nil {
		msg.Wait.answer(p.outcome("was not signaled", err.Error()))
		return
	}
	msg.Wait.answer(p.outcome("got SIG"+string(msg.Signal), ""))
}

func (p *processActor) runID() child.RunID {
	return child.RunID{Clone: string(p.id), Run: p.machine.Run}
}

func (p *processActor) spawned(ctx actor.Context, msg runSpawned) {
	if msg.Run != p.machine.Run || !p.machine.Live {
		return
	}
	if p.machine.Up {
		p.pid = msg.Pid // a program that replaced itself, or one that was there before us
		return
	}
	p.pid, p.startedAt = msg.Pid, msg.At
	p.step(ctx, lifecycle.RunSpawned)
	if msg.Ready && p.machine.State == event.Starting {
		p.armUntil(ctx, p.house.now())
	}
}

func (p *processActor) stuck(ctx actor.Context, msg runStuck) {
	if msg.Run == p.machine.Run && p.machine.Live && !p.machine.Up {
		p.why = "exec hangs on " + msg.What
		p.step(ctx, lifecycle.RunStuck)
	}
}

func (p *processActor) mainGone(ctx actor.Context, msg runMainGone) {
	if msg.End.Run == p.machine.Run && p.machine.Live {
		if p.machine.State != event.Stopping { // nobody ordered it
			p.why = msg.End.forPeople(p.uptime(msg.End.At), false).Story() + "; ending what it left behind"
		}
		p.pid = 0
		p.step(ctx, lifecycle.MainGone)
	}
}

func (p *processActor) deadlinePassed(ctx actor.Context, msg deadlinePassed) {
	if msg.Generation == p.generation && !p.deadline.IsZero() {
		p.deadline = time.Time{}
		p.step(ctx, lifecycle.DeadlinePassed)
	}
}

// runEnded takes note of an end and lets the order that caused it, or the policy, say what follows.
func (p *processActor) runEnded(ctx actor.Context, end runEnd) {
	if end.Run != p.machine.Run || !p.machine.Live {
		return
	}
	p.over = append(p.over, p.runID())
	if end.Pid == 0 {
		end.Pid = p.pid // it was started by a daemon before us
	}
	if end.Pid > 0 && !p.machine.Up { // a failure is a system message, and overtakes the note that the run has a pid
		p.spawned(ctx, runSpawned{Run: end.Run, Pid: end.Pid, At: end.Since})
	}
	uptime := p.uptime(end.At)
	if end.Err != nil {
		uptime = 0
	}
	ordered := p.machine.State == event.Paused || p.machine.State == event.Stopping && p.machine.Next != lifecycle.NextVerdict
	end.Illness = p.illness
	exit := end.forPeople(uptime, ordered && p.machine.State != event.Paused)
	p.exit, p.ended = &exit, &end
	defer func() { p.ended = nil }()
	if ordered {
		p.step(ctx, lifecycle.RunGone)
		p.pid = 0
		return
	}
	p.history.Healing = p.machine.Healing
	p.verdict, p.history = restart.Decide(p.process.Restart, p.history, end.forPolicy(uptime), p.house.chance())
	exit.Failure = p.verdict.Failure
	if exit.Failure && !p.verdict.Shortage {
		ctx.Send(ctx.Parent(), memberFailed{ID: p.id, At: end.At})
	}
	flaps, hourly := false, 0.0
	if exit.Failure && !p.verdict.Shortage {
		p.pace, flaps, hourly = p.pace.Failed(end.At)
	}
	p.step(ctx, p.follows())
	p.pid = 0
	if flaps && p.verdict.Action == restart.Again {
		p.house.announce(event.ProcessFlapping{ID: p.id, Role: p.role, Run: end.Run, Failures: p.pace.Lately(), Within: restart.Lately, Hourly: hourly})
	}
	if p.verdict.Healed {
		p.house.announce(event.ProcessRecovered{ID: p.id, Role: p.role, Run: end.Run})
	}
}

// follows is the verdict as an input for the machine.
func (p *processActor) follows() lifecycle.Input {
	switch p.verdict.Action {
	case restart.Finish:
		return lifecycle.RunEndedFinish
	case restart.GiveUp:
		return lifecycle.RunEndedGiveUp
	case restart.Again:
	}
	switch {
	case p.retiring: // the order to stop is on its way
		return lifecycle.RunEndedFinish
	case p.grouped() && p.verdict.Failure:
		return lifecycle.RunEndedHeld
	case p.verdict.Delay > 0:
		return lifecycle.RunEndedLater
	}
	return lifecycle.RunEndedAgain
}

// grouped tells whether the clone's role restarts siblings together.
func (p *processActor) grouped() bool {
	return supervisionOf(p.config, homeOf(p.process)) != spec.OneForOne
}

func (p *processActor) uptime(at time.Time) time.Duration {
	if p.startedAt.IsZero() {
		return 0
	}
	return max(0, at.Sub(p.startedAt))
}
