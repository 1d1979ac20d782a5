package event

import (
	"fmt"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// LogDropped says that a log file does not take lines: that it has begun (Lines is 0), or that it is over.
type LogDropped struct {
	ID       spec.CloneID // whose line was the first to go; others may share the file
	Path     string
	Lines    int64
	Why      string // in a few words: "disk full"
	From, To time.Time
}

// LogTroubled says what is wrong with a log file, or a target of log.forward, of which no line is lost: it cannot be put aside, or
// compressed; or lines are held until it takes them, and that it does.
type LogTroubled struct {
	Path, What, Why string // Why is empty when it is over
}

// Name is the event's name in JSON.
func (LogDropped) Name() string { return "log.dropped" }

// Name is the event's name in JSON.
func (LogTroubled) Name() string { return "log.troubled" }

// Severity is error.
func (LogDropped) Severity() Severity { return Error }

// Severity is warning.
func (LogTroubled) Severity() Severity { return Warning }

// Subject is the first clone that lost a line.
func (e LogDropped) Subject() Subject { return Subject{Process: e.ID, Over: e.Lines > 0} }

// Subject is nothing of the user's.
func (e LogTroubled) Subject() Subject { return Subject{Over: e.Why == ""} }

func (e LogDropped) String() string {
	if e.Lines == 0 {
		return fmt.Sprintf("%s takes no lines (%s): they are dropped and counted", e.Path, e.Why)
	}
	return fmt.Sprintf("%s takes lines again: %d were dropped in %s (%s)", e.Path, e.Lines, spec.FormatDuration(max(time.Second, e.To.Sub(e.From).Round(time.Second))), e.Why)
}

func (e LogTroubled) String() string {
	if e.Why == "" {
		return e.Path + " " + e.What
	}
	return fmt.Sprintf("%s %s: %s", e.Path, e.What, e.Why)
}
