package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier"
)

// notifierActor hands each event to every sink. It never waits for one: each has a bounded queue of its own.

// addSink and removeSink change who hears of events from now on.
type (
	addSink    struct{ Queue *notifier.Queue }
	removeSink struct{ Queue *notifier.Queue }
)

type notifierActor struct {
	house *house
	sinks []*notifier.Queue
}

func (n *notifierActor) Receive(ctx actor.Context) {
	defer n.house.reportPanic(ctx)
	switch msg := ctx.Message().(type) {
	case event.Record:
		for _, sink := range n.sinks {
			sink.Offer(msg)
		}
	case addSink:
		n.sinks = append(n.sinks, msg.Queue)
	case removeSink:
		n.remove(msg.Queue)
	case caughtUp:
		close(msg.Reply)
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		n.house.unexpected(ctx)
	}
}

func (n *notifierActor) remove(queue *notifier.Queue) {
	queue.Drop()
	for i, sink := range n.sinks {
		if sink == queue {
			n.sinks = append(n.sinks[:i:i], n.sinks[i+1:]...)
			return
		}
	}
}
