package child

import (
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors/internal/logs"
)

// Configure gives a log file that is open other options.
func (t *Table) Configure(file LogFile) { t.pump.Configure(file) }

// HearLogs has hear told of what happens to log files. It must not block; it is called by several goroutines.
func (t *Table) HearLogs(hear func(LogNote)) { t.pump.Tell(hear) }

// SetZone is the time zone of what is written into log files beside the lines of processes.
func (t *Table) SetZone(zone *time.Location) { t.pump.SetZone(zone) }

// LogProblem is why a log file refuses lines now, "" if it takes them or is not open.
func (t *Table) LogProblem(path string) string {
	if err := t.pump.Refusal(path); err != nil {
		return logs.Cause(err)
	}
	return ""
}

// CloneOf is whose output a stream is.
func CloneOf(stream string) string {
	clone, _, _ := strings.Cut(stream, "#")
	return clone
}

// PutAside puts a file that the table does not write aside if that is due.
func PutAside(path string, fd int, size int64, r Rotation, trouble func(error)) (bool, error) {
	return logs.PutAside(path, fd, size, r, trouble)
}

// LogReader reads a log from its end, and then what comes.
type LogReader = logs.Reader

// LogLine is a line of a log.
type LogLine = logs.Line

// LogQuery is what is looked for in a log.
type LogQuery = logs.Query

// NewLogReader makes a reader of the log at path, whose indexes are in a directory.
func NewLogReader(path, index string) *LogReader { return logs.NewReader(path, index) }

// LogCause is why a log file refuses lines, in a few words.
func LogCause(err error) string { return logs.Cause(err) }
