package actors

import (
	"context"
	"log/slog"

	"github.com/sirupsen/logrus"

	"github.com/dcousineau/phorever/actors/event"
)

// sinkFunc makes a function a notifier.Sink.
type sinkFunc func(event.Record, int)

// Deliver calls the function.
func (f sinkFunc) Deliver(record event.Record, missed int) { f(record, missed) }

// logSink writes each event into the daemon's log: one line a fact.
type logSink struct{ log logrus.FieldLogger }

// Deliver writes one line.
func (s logSink) Deliver(record event.Record, missed int) {
	if missed > 0 {
		s.log.Warnf("%d events came too fast to be logged", missed)
	}
	if record.Event == (event.RestartScheduled{}).Name() {
		return // the line of the end has just said so
	}
	entry := s.log.WithField("event", record.Event)
	if record.Run > 0 {
		entry = entry.WithField("run", record.Run)
	}
	switch record.Severity {
	case event.Error:
		entry.Error(record.Message)
	case event.Warning:
		entry.Warn(record.Message)
	case event.Info:
		entry.Info(record.Message)
	}
}

// quieter is protoactor-go's log in ours, one step quieter: its "Recovering" at info is said at every end of a process.
type quieter struct{ log logrus.FieldLogger }

// Enabled lets errors and warnings through.
func (quieter) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle writes one record.
func (q quieter) Handle(_ context.Context, record slog.Record) error {
	fields := logrus.Fields{}
	record.Attrs(func(a slog.Attr) bool {
		fields[a.Key] = a.Value.Any()
		return true
	})
	if record.Level >= slog.LevelError {
		q.log.WithFields(fields).Error(record.Message)
		return nil
	}
	q.log.WithFields(fields).Debug(record.Message)
	return nil
}

// WithAttrs drops the attributes: they only repeat names of actors.
func (q quieter) WithAttrs([]slog.Attr) slog.Handler { return q }

// WithGroup drops the group.
func (q quieter) WithGroup(string) slog.Handler { return q }
