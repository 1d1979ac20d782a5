package actors

import (
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// The public protocol on one page: what can be ordered from the tree. An order is answered with a Report when the read
// model shows its effect and, where it waits, when every process it touched has settled.

// Target is what an order is about, as the user wrote it: "worker", "worker:2", "worker:*", "@role", "all".
type Target string

// StartOrder ensures that roles and processes run. Nothing named means every process.
type StartOrder struct {
	Targets []Target      `json:"targets"`
	Wait    time.Duration `json:"wait"` // bounds the wait for RUNNING; 0 does not wait
}

// StopOrder stops processes and keeps the daemon. Stopping everything and the daemon is System.Shutdown.
type StopOrder struct {
	Targets []Target `json:"targets"` // never empty
}

// RestartOrder stops and starts. Nothing named means every process that should run.
type RestartOrder struct {
	Targets []Target      `json:"targets"`
	Rolling bool          `json:"rolling"`
	Wait    time.Duration `json:"wait"`
}

// ScaleOrder changes the number of clones of processes, by name as the user wrote it.
type ScaleOrder struct {
	Clones map[string]int `json:"clones"`
	Wait   time.Duration  `json:"wait"`
}

// SignalOrder delivers one signal to the main process of each running target.
type SignalOrder struct {
	Signal  spec.Signal `json:"signal"`
	Targets []Target    `json:"targets"`
}

// PauseOrder stops restarting the targets and sends them their pause signal.
type PauseOrder struct {
	Targets []Target `json:"targets"`
}

// ResumeOrder is the reverse of PauseOrder.
type ResumeOrder struct {
	Targets []Target `json:"targets"`
}

// ResetOrder clears FATAL and the failure count, and starts the targets. It returns when the start is ordered.
type ResetOrder struct {
	Targets []Target `json:"targets"`
}

// ApplyOrder makes the tree follow a new configuration.
type ApplyOrder struct {
	Config *spec.Config  `json:"-"`
	Wait   time.Duration `json:"wait"`
}

// Report answers an order.
type Report struct {
	Outcomes []Outcome     `json:"outcomes"`
	Notes    []string      `json:"notes,omitempty"` // "web:1 runs on: role scheduler is active"
	Changes  []spec.Change `json:"changes,omitempty"`
}

// Outcome is what became of one clone.
type Outcome struct {
	ID      spec.CloneID `json:"id"`
	Did     string       `json:"did"` // started, already running, stopped, already stopped, restarted, signaled, …
	OK      bool         `json:"ok"`
	State   event.State  `json:"state"`
	Pid     int          `json:"pid,omitempty"`
	Problem string       `json:"problem,omitempty"` // why OK is false, as a sentence
}

// OK tells whether every outcome is.
func (r Report) OK() bool {
	for _, o := range r.Outcomes {
		if !o.OK {
			return false
		}
	}
	return true
}

// UnknownTarget refuses an order whose target names nothing; nothing of the order was done. Hint may be empty.
type UnknownTarget struct {
	Message string
	Hint    string
}

func (e *UnknownTarget) Error() string { return e.Message }
