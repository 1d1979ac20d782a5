package actors

import (
	"syscall"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/internal/child"
)

// runActor is one run of one clone: it attaches to the run in the table, tells its clone what happens to it, and fails
// when it ends without an order. It never decides anything, and its own end does not touch the process.

// Orders to a run. Each carries its number, so that one for an earlier run is recognised.
type (
	stopRun struct {
		Run    int
		Signal syscall.Signal
		Scope  child.Scope
	}
	killRun   struct{ Run int }
	signalRun struct {
		Run    int
		Signal syscall.Signal
		Scope  child.Scope
	}
)

// Notes of a run to its clone.
type (
	runSpawned struct {
		Run   int
		Pid   int
		At    time.Time
		Ready bool
	}
	runStuck struct {
		Run  int
		What string
	}
	runMainGone struct{ End runEnd }
	runOver     struct{ End runEnd }
)

// runPlan is what a runActor needs to know. It is immutable; the clone publishes a new one before each start.
type runPlan struct {
	id   child.RunID
	plan child.Plan
}

type runActor struct {
	house   *house
	run     runPlan
	pid     int
	since   time.Time // when it had its pid
	ordered bool
}

func (r *runActor) Receive(ctx actor.Context) {
	defer r.house.reportPanic(ctx)
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		r.attach(ctx)
	case child.Spawned:
		r.spawned(ctx, msg)
	case child.Stuck:
		ctx.Send(ctx.Parent(), runStuck{msg.ID.Run, msg.What})
	case child.MainGone:
		ctx.Send(ctx.Parent(), runMainGone{r.endOf(msg.Status, msg.At)})
	case child.SpawnFailed:
		r.over(ctx, runEnd{Run: msg.ID.Run, Err: msg.Err, At: msg.At})
	case child.Ended:
		r.over(ctx, r.endOf(msg.Status, msg.At))
	case stopRun:
		r.stop(msg)
	case killRun:
		r.kill(msg)
	case signalRun:
		r.signal(msg)
	case *actor.Restarting, *actor.Stopping:
		r.house.table.Detach(r.run.id)
	case *actor.Stopped:
	default:
		r.house.unexpected(ctx)
	}
}

func (r *runActor) attach(ctx actor.Context) {
	self, root := ctx.Self(), ctx.ActorSystem().Root
	r.house.table.Attach(r.run.id, r.run.plan, func(note child.Note) { root.Send(self, note) })
}

func (r *runActor) spawned(ctx actor.Context, msg child.Spawned) {
	r.pid, r.since = msg.Pid, msg.At
	ctx.Send(ctx.Parent(), runSpawned{msg.ID.Run, msg.Pid, msg.At, msg.Ready})
}

// over is the last thing a run does, which the table remembers until the clone has taken note of it. The clone hears of an ordered end by message, of any other by supervision.
func (r *runActor) over(ctx actor.Context, end runEnd) {
	if r.ordered {
		ctx.Send(ctx.Parent(), runOver{end})
		return
	}
	fail(ctx, runFailed{end})
}

func (r *runActor) stop(msg stopRun) {
	if msg.Run == r.run.id.Run {
		r.ordered = true
		_ = r.house.table.Stop(r.run.id, msg.Signal, msg.Scope) // gone already: its end is on the way
	}
}

func (r *runActor) kill(msg killRun) {
	if msg.Run == r.run.id.Run {
		r.ordered = true
		r.house.table.Kill(r.run.id)
	}
}

func (r *runActor) signal(msg signalRun) {
	if msg.Run == r.run.id.Run {
		_ = r.house.table.Signal(r.run.id, msg.Signal, msg.Scope) // gone already: its end is on the way
	}
}
