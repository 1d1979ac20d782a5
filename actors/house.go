package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/oklog/ulid/v2"
	"github.com/sirupsen/logrus"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/child"
)

// house is what all actors of a tree share. Everything in it is safe for concurrent use.
type house struct {
	system  *actor.ActorSystem
	table   *child.Table
	log     logrus.FieldLogger
	environ []string // of the children, before anything that the configuration adds
	self    string   // path of our own binary
	model   *model
	sleep   func(time.Duration, func()) *time.Timer // time.AfterFunc
	now     func() time.Time
	chance  func() float64 // uniform in [0, 1)
}

// announce publishes a fact, stamped with its id and time, to the read-model and the sinks. Announcements of one
// goroutine arrive in order.
func (h *house) announce(fact event.Fact) {
	now := h.now()
	subject := fact.Subject()
	h.system.EventStream.Publish(event.Record{
		V: 1, ID: ulid.Make().String(), Time: now, Event: fact.Name(), Severity: fact.Severity(),
		Process: subject.Process, Role: subject.Role, Run: subject.Run, Pid: subject.Pid, Exit: subject.Exit,
		Message: fact.String(), LogTail: subject.LogTail,
	})
}

// after sends a note to an actor when the time has come. The timer only posts; it may fire after its actor is gone.
func (h *house) after(delay time.Duration, to *actor.PID, note any) *time.Timer {
	return h.sleep(delay, func() { h.system.Root.Send(to, note) })
}
