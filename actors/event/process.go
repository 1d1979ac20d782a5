package event

import (
	"fmt"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// ProcessStarted says that a run has a pid.
type ProcessStarted struct {
	ID   spec.CloneID
	Role string
	Run  int
	Pid  int
}

// ProcessReady says that a run has become RUNNING.
type ProcessReady struct {
	ID    spec.CloneID
	Role  string
	Run   int
	Pid   int
	After time.Duration
}

// ProcessExited says that a run ended without an order. Next is what follows, as a phrase.
type ProcessExited struct {
	ID   spec.CloneID
	Role string
	Run  int
	Pid  int
	Exit Exit
	Next string
}

// RestartScheduled says when a process in BACKOFF starts again.
type RestartScheduled struct {
	ID    spec.CloneID
	Role  string
	Run   int
	Delay time.Duration
	Why   string
}

// ProcessGaveUp says that a process has become FATAL.
type ProcessGaveUp struct {
	ID    spec.CloneID
	Role  string
	Run   int
	Exit  *Exit
	Why   string
	Retry time.Duration // until the first healing try, 0 for none
}

// ProcessFlapping says that a process fails far more often than it used to.
type ProcessFlapping struct {
	ID       spec.CloneID
	Role     string
	Run      int
	Failures int
	Within   time.Duration
	Hourly   float64 // failures an hour, as is usual
}

// ProcessRecovered says that a process that was given up is well again, or one that ran away calm.
type ProcessRecovered struct {
	ID   spec.CloneID
	Role string
	Run  int
	Pid  int
	Calm *Calm // nil: it was given up
}

// ProcessStopped says that a run ended as ordered.
type ProcessStopped struct {
	ID   spec.CloneID
	Role string
	Run  int
	Pid  int
	Exit *Exit
	Why  string
}

// ProcessPaused says that a process stands still.
type ProcessPaused struct {
	ID   spec.CloneID
	Role string
	Run  int
	Pid  int
}

// ProcessResumed says that a paused process goes on.
type ProcessResumed struct {
	ID   spec.CloneID
	Role string
	Run  int
	Pid  int
}

// Name is the event's name in JSON.
func (ProcessStarted) Name() string { return "process.started" }

// Name is the event's name in JSON.
func (ProcessReady) Name() string { return "process.ready" }

// Name is the event's name in JSON.
func (ProcessExited) Name() string { return "process.exited" }

// Name is the event's name in JSON.
func (RestartScheduled) Name() string { return "process.restart_scheduled" }

// Name is the event's name in JSON.
func (ProcessGaveUp) Name() string { return "process.gave_up" }

// Name is the event's name in JSON.
func (ProcessFlapping) Name() string { return "process.flapping" }

// Name is the event's name in JSON.
func (ProcessRecovered) Name() string { return "process.recovered" }

// Name is the event's name in JSON.
func (ProcessStopped) Name() string { return "process.stopped" }

// Name is the event's name in JSON.
func (ProcessPaused) Name() string { return "process.paused" }

// Name is the event's name in JSON.
func (ProcessResumed) Name() string { return "process.resumed" }

// Severity is info.
func (ProcessStarted) Severity() Severity { return Info }

// Severity is info.
func (ProcessReady) Severity() Severity { return Info }

// Severity is warning for an end that counts as a failure.
func (e ProcessExited) Severity() Severity {
	if e.Exit.Failure {
		return Warning
	}
	return Info
}

// Severity is info.
func (RestartScheduled) Severity() Severity { return Info }

// Severity is error.
func (ProcessGaveUp) Severity() Severity { return Error }

// Severity is warning.
func (ProcessFlapping) Severity() Severity { return Warning }

// Severity is info.
func (ProcessRecovered) Severity() Severity { return Info }

// Severity is info.
func (ProcessStopped) Severity() Severity { return Info }

// Severity is info.
func (ProcessPaused) Severity() Severity { return Info }

// Severity is info.
func (ProcessResumed) Severity() Severity { return Info }

// Subject is the run.
func (e ProcessStarted) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid}
}

// Subject is the run.
func (e ProcessReady) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid}
}

// Subject is the run, its exit and its last lines.
func (e ProcessExited) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid, Exit: &e.Exit, Next: e.Next}
}

// Subject is the clone.
func (e RestartScheduled) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run}
}

// Subject is the clone, its last exit and its last lines.
func (e ProcessGaveUp) Subject() Subject {
	next := "it stays as it is"
	if e.Retry > 0 {
		next = "one try every " + spec.FormatDuration(e.Retry)
	}
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Exit: e.Exit, Next: next}
}

// Subject is the clone.
func (e ProcessFlapping) Subject() Subject { return Subject{Process: e.ID, Role: e.Role, Run: e.Run} }

// Subject is the run.
func (e ProcessRecovered) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid}
}

// Subject is the run and its exit.
func (e ProcessStopped) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid, Exit: e.Exit}
}

// Subject is the run.
func (e ProcessPaused) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid}
}

// Subject is the run.
func (e ProcessResumed) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid}
}

func (e ProcessStarted) String() string { return fmt.Sprintf("%s started, pid %d", e.ID, e.Pid) }

func (e ProcessReady) String() string {
	return fmt.Sprintf("%s is RUNNING after %s", e.ID, spec.FormatDuration(e.After))
}

func (e ProcessExited) String() string {
	return fmt.Sprintf("%s %s; %s", e.ID, e.Exit.Story(), e.Next)
}

func (e RestartScheduled) String() string {
	return fmt.Sprintf("%s starts again in %s: %s", e.ID, spec.FormatDuration(e.Delay), e.Why)
}

func (e ProcessGaveUp) String() string {
	if e.Retry > 0 {
		return fmt.Sprintf("gave up on %s: %s; one try every %s", e.ID, e.Why, spec.FormatDuration(e.Retry))
	}
	return fmt.Sprintf("gave up on %s: %s", e.ID, e.Why)
}

func (e ProcessFlapping) String() string {
	usual := "it never did before"
	if e.Hourly >= 0.01 {
		usual = fmt.Sprintf("usually %.2g an hour", e.Hourly)
	}
	return fmt.Sprintf("%s flaps: %d failures within %s, %s", e.ID, e.Failures, spec.FormatDuration(e.Within), usual)
}

func (e ProcessRecovered) String() string {
	if e.Calm != nil {
		return fmt.Sprintf("%s recovered: %.0f %% CPU, after it ran away for %s", e.ID, e.Calm.CPU*100, spec.FormatDuration(e.Calm.After))
	}
	return fmt.Sprintf("%s recovered: up again with pid %d", e.ID, e.Pid)
}

func (e ProcessStopped) String() string {
	if e.Exit == nil {
		return fmt.Sprintf("%s stopped: %s", e.ID, e.Why)
	}
	return fmt.Sprintf("%s stopped: %s; it %s", e.ID, e.Why, e.Exit.Story())
}

func (e ProcessPaused) String() string  { return fmt.Sprintf("%s paused", e.ID) }
func (e ProcessResumed) String() string { return fmt.Sprintf("%s resumed", e.ID) }
