package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
)

// statsActor folds what the tree publishes into the read-model, in the order in which it was published. It is the only
// writer of the model and asks nobody.

// caughtUp is answered when everything that was published before it is in the read-model.
type caughtUp struct{ Reply chan<- struct{} }

type statsActor struct {
	house *house
	model *model
}

func (s *statsActor) Receive(ctx actor.Context) {
	defer s.house.reportPanic(ctx)
	switch msg := ctx.Message().(type) {
	case processMoved:
		s.model.move(msg)
	case processGone:
		s.model.remove(msg.ID)
	case treeShaped:
		s.model.reshape(msg)
	case event.Record:
		s.model.record(msg)
	case caughtUp:
		close(msg.Reply)
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		s.house.unexpected(ctx)
	}
}
