package actors

import (
	"fmt"
	"runtime/debug"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// The reasons that travel through supervision. Any other reason is a bug of ours.
type (
	// runFailed is a run that ended without an order.
	runFailed struct{ end runEnd }
	// gaveUp is a clone that has become FATAL.
	gaveUp struct {
		ID  spec.CloneID
		Why string
		End *event.Exit
	}
	// roleLost is an essential role without one of its processes.
	roleLost struct {
		Role string
		gaveUp
	}
)

// fail hands a reason to the parent's strategy. It does not panic: nothing is unwound and no stack is taken.
func fail(ctx actor.Context, reason any) {
	supervisor, ok := ctx.(actor.Supervisor)
	if !ok {
		panic(reason) // a decorated context hides it; we use none
	}
	supervisor.EscalateFailure(reason, ctx.Message())
}

// reportPanic announces a bug of ours with its stack in the log, and lets supervision handle it.
func (h *house) reportPanic(ctx actor.Context) {
	fault := recover()
	if fault == nil {
		return
	}
	h.log.WithField("stack", string(debug.Stack())).Errorf("%s panicked on %T", ctx.Self().Id, ctx.Message())
	h.announce(event.ActorFaulted{Actor: ctx.Self().Id, Fault: fmt.Sprint(fault)})
	panic(fault)
}

// unexpected reports a message that no case of Receive knows.
func (h *house) unexpected(ctx actor.Context) {
	h.log.Errorf("internal fault: %s does not know %T", ctx.Self().Id, ctx.Message())
}
