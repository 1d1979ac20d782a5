package actors

import (
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/spec"
)

// hearLogs makes facts of what happens to log files. It is called by the goroutines that write them, and does not block.
func (h *house) hearLogs(note child.LogNote) {
	switch n := note.(type) {
	case child.LogDropping:
		h.announce(event.LogDropped{ID: spec.CloneID(child.CloneOf(n.Stream)), Path: n.Path, Why: child.LogCause(n.Why)})
	case child.LogDropped:
		h.announce(event.LogDropped{
			ID: spec.CloneID(child.CloneOf(n.Stream)), Path: n.Path, Lines: n.Lines, Why: child.LogCause(n.Why), From: n.From, To: n.To,
		})
	case child.LogTrouble:
		fact := event.LogTroubled{Path: n.Path, What: n.What}
		if n.Err != nil {
			fact.Why = n.Err.Error()
		}
		h.announce(fact)
	}
}

// PutAside puts a log file of the daemon's own aside if that is due after size bytes. Its writer, who holds fd, must open it anew if
// done; trouble is told, later and by another goroutine, what goes wrong with the compression.
func PutAside(path string, fd int, size int64, r spec.Rotate, trouble func(error)) (done bool, err error) {
	return child.PutAside(path, fd, size, rotationOf(r), trouble)
}

// LogReader reads a log from its end, with what was put aside of it, and then what comes.
type LogReader = child.LogReader

// LogLine is a line of a log, and what is known of it.
type LogLine = child.LogLine

// LogQuery is what is looked for in a log.
type LogQuery = child.LogQuery

// NewLogReader makes a reader of the log at path. It needs no daemon. index is where the indexes of the logs are, "" for nowhere.
func NewLogReader(path, index string) *LogReader { return child.NewLogReader(path, index) }

// logProblem is why a clone's files refuse its lines, "" if they take them.
func (m *model) logProblem(stdout, stderr string) string {
	if m.refusal == nil {
		return ""
	}
	for _, path := range []string{stdout, stderr} {
		if why := m.refusal(path); why != "" {
			return path + " takes no lines: " + why
		}
	}
	return ""
}
