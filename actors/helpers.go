package actors

import (
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/spec"
)

// The names of hooks and listeners begin so where the processes are. No process has a name like that.
const (
	hookClone     = "hook+"
	listenerClone = "listener+"
)

// isHelper tells a run of a hook or a listener.
func isHelper(id spec.CloneID) bool {
	return strings.HasPrefix(string(id), hookClone) || strings.HasPrefix(string(id), listenerClone)
}

// helper is a run that is of no clone.
type helper struct {
	run   child.RunID
	actor *actor.PID // nil while there is none
}

// helpers are the runs of an actor that has no clones. T is what one of them is of.
type helpers[T any] struct {
	house   *house
	running map[int]T // by run number
	last    int
	reply   chan<- struct{} // of whoever waits for the last one to end
}

// start begins a run, and notes it in at.
func (h *helpers[T]) start(ctx actor.Context, at *helper, of T, name string, plan func(child.RunID) child.Plan) {
	h.last = max(h.last+1, int(h.house.now().UnixMilli())) // never used twice, also not by the next daemon
	at.run = child.RunID{Clone: name + ":1", Run: h.last}
	house, run := h.house, runPlan{id: at.run, plan: plan(at.run)}
	at.actor = ctx.Spawn(actor.PropsFromProducer(func() actor.Actor { return &runActor{house: house, run: run} }))
	if h.running == nil {
		h.running = map[int]T{}
	}
	h.running[h.last] = of
}

// ended forgets a run that is over.
func (h *helpers[T]) ended(ctx actor.Context, at *helper) {
	ctx.Stop(at.actor)
	id := at.run
	h.house.saving.Written(func() { h.house.table.Release(id) })
	delete(h.running, id.Run)
	*at = helper{}
}

// answer tells whoever waits, once nothing runs any more.
func (h *helpers[T]) answer() {
	if h.reply != nil && len(h.running) == 0 {
		close(h.reply)
		h.reply = nil
	}
}

// endOfRun is the end that a run has failed with; there is none where the fault is the runActor's, a bug: its run goes on, and a new
// incarnation attaches to it.
func endOfRun(supervisor actor.Supervisor, who *actor.PID, reason any) (end runEnd, ok bool) {
	failed, ok := reason.(runFailed)
	if !ok {
		supervisor.RestartChildren(who)
	}
	return failed.end, ok
}
