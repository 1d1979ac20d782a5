package actors

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// Options are what Start needs from the daemon.
type Options struct {
	Log  logrus.FieldLogger
	Self string // path of this binary, for the exec-child shim
}

// System is the running tree. Its methods are safe for concurrent use; those with a context return early, with its
// error, when it ends: the order then stands.
type System struct{}

// Start builds the tree for a valid configuration; nothing runs yet.
func Start(config *spec.Config, options Options) (*System, error) { panic("skeleton") }

// StartProcesses carries out a StartOrder.
func (s *System) StartProcesses(ctx context.Context, order StartOrder) (Report, error) {
	panic("skeleton")
}

// StopProcesses carries out a StopOrder. It returns when the processes are gone.
func (s *System) StopProcesses(ctx context.Context, order StopOrder) (Report, error) {
	panic("skeleton")
}

// RestartProcesses carries out a RestartOrder.
func (s *System) RestartProcesses(ctx context.Context, order RestartOrder) (Report, error) {
	panic("skeleton")
}

// ScaleProcesses carries out a ScaleOrder.
func (s *System) ScaleProcesses(ctx context.Context, order ScaleOrder) (Report, error) {
	panic("skeleton")
}

// SignalProcesses carries out a SignalOrder.
func (s *System) SignalProcesses(ctx context.Context, order SignalOrder) (Report, error) {
	panic("skeleton")
}

// PauseProcesses carries out a PauseOrder.
func (s *System) PauseProcesses(ctx context.Context, order PauseOrder) (Report, error) {
	panic("skeleton")
}

// ResumeProcesses carries out a ResumeOrder.
func (s *System) ResumeProcesses(ctx context.Context, order ResumeOrder) (Report, error) {
	panic("skeleton")
}

// ResetProcesses carries out a ResetOrder.
func (s *System) ResetProcesses(ctx context.Context, order ResetOrder) (Report, error) {
	panic("skeleton")
}

// Apply carries out an ApplyOrder. The configuration must be valid.
func (s *System) Apply(ctx context.Context, order ApplyOrder) (Report, error) { panic("skeleton") }

// Announce publishes a fact of the daemon's (config.rejected, daemon.started).
func (s *System) Announce(fact event.Fact) { panic("skeleton") }

// Status reads every process of the read-model, in the order of the configuration. It never asks an actor.
// Cost: about a microsecond a process, plus a fresh sample of cpu and memory where the last one is older than a second.
func (s *System) Status() []ProcessStatus { panic("skeleton") }

// Roles reads the roles of the configuration.
func (s *System) Roles() []RoleStatus { panic("skeleton") }

// Config is the configuration that is applied now, and when that was.
func (s *System) Config() (*spec.Config, time.Time) { panic("skeleton") }

// Resolve says which clones targets mean, or an *UnknownTarget.
func (s *System) Resolve(targets []Target) ([]spec.CloneID, error) { panic("skeleton") }

// Events are the last events, oldest first, 1,000 at most.
func (s *System) Events() []event.Record { panic("skeleton") }

// Subscribe calls f with each event from now on until cancel is called. f runs on a goroutine of its own behind a bounded
// queue; a slow f loses the oldest ones and is told how many in missed.
func (s *System) Subscribe(f func(record event.Record, missed int)) (cancel func()) {
	panic("skeleton")
}

// ReopenLogs opens every log file anew, for logrotate.
func (s *System) ReopenLogs() { panic("skeleton") }

// Shutdown stops every process, in order, then the tree. It returns at once; Done tells when nothing is left. A second
// call skips what is left of the stop timeouts.
func (s *System) Shutdown(reason string) { panic("skeleton") }

// Done is closed when every process is gone and the tree has ended.
func (s *System) Done() <-chan struct{} { panic("skeleton") }

// ExitCode is the daemon's exit code, valid after Done: 0 after an ordered stop, 1 when an essential role was lost.
func (s *System) ExitCode() int { panic("skeleton") }
