package actors

import (
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

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
	saving  Saving
	forgets bool // nothing is saved
	base    clockBase
	first   bool                                    // we, or our keeper, are the first process of a container
	sleep   func(time.Duration, func()) *time.Timer // time.AfterFunc
	now     func() time.Time
	chance  func() float64 // uniform in [0, 1)
	index   string         // where the indexes of logs are
	facts   announcer
	tailing atomic.Bool // the last lines of a log are being read
}

// after sends a note to an actor when the time has come. The timer only posts; it may fire after its actor is gone.
func (h *house) after(delay time.Duration, to *actor.PID, note any) *time.Timer {
	return h.sleep(delay, func() { h.system.Root.Send(to, note) })
}
