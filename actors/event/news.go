package event

import "fmt"

// NotificationFailed says that a sink takes no news. It is told once, until the sink works again; and of each message that is not tried any
// more.
type NotificationFailed struct {
	Sink     string // "" for all
	Headline string // of the message
	Why      string
	Final    bool // the message is not tried again
}

// Name is the event's name in JSON.
func (NotificationFailed) Name() string { return "notification.failed" }

// Severity is error.
func (NotificationFailed) Severity() Severity { return Error }

// Subject is the sink.
func (e NotificationFailed) Subject() Subject { return Subject{Sink: e.Sink} }

func (e NotificationFailed) String() string {
	switch {
	case e.Sink == "":
		return e.Why
	case e.Final:
		return fmt.Sprintf("%s does not take %q, which is given up: %s", e.Sink, e.Headline, e.Why)
	}
	return fmt.Sprintf("%s does not take %q, it is tried again: %s", e.Sink, e.Headline, e.Why)
}
