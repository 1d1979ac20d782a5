package actors

import (
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// ProcessStatus is one clone as `status --json` shows it. Its fields may be added to, never change meaning.
type ProcessStatus struct {
	ID               spec.CloneID `json:"id"`
	Name             string       `json:"name"`
	Clone            int          `json:"clone"`
	Role             *string      `json:"role"` // the first of its active roles
	State            event.State  `json:"state"`
	StateCode        int          `json:"state_code"`
	Reason           string       `json:"reason"`
	Pid              *int         `json:"pid"`
	Run              int          `json:"run"`
	StartedAt        *time.Time   `json:"started_at"`
	UptimeSeconds    float64      `json:"uptime_seconds"`
	Restarts         int          `json:"restarts"`
	FailuresInWindow int          `json:"failures_in_window"`
	NextStartAt      *time.Time   `json:"next_start_at"`
	Exit             *event.Exit  `json:"exit"`
	Health           string       `json:"health"`
	CPUPercent       float64      `json:"cpu_percent"`
	MemoryBytes      int64        `json:"memory_bytes"`
	StdoutFile       string       `json:"stdout_file"`
	StderrFile       string       `json:"stderr_file"`
	LoggedLines      int64        `json:"logged_lines"`
	DroppedLines     int64        `json:"dropped_lines"`
	Release          *string      `json:"release"`
	ReleaseStale     bool         `json:"release_stale"`

	Roles  []string `json:"roles"`  // all of its roles
	Wanted bool     `json:"wanted"` // it should be running now
	Failed bool     `json:"failed"` // it is FATAL, or EXITED with a failure
	Listed bool     `json:"-"`      // of an active role, or ever started: shown without --all
}

// RoleStatus is one role as `roles` shows it.
type RoleStatus struct {
	Name        string   `json:"name"`
	Active      bool     `json:"active"`
	Supervision string   `json:"supervision"`
	Essential   bool     `json:"essential"`
	Processes   []string `json:"processes"` // machine names
}
