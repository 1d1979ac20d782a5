package control

import (
	"errors"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// StatusReply is `status --json`.
type StatusReply struct {
	Daemon    DaemonStatus           `json:"daemon"`
	Processes []actors.ProcessStatus `json:"processes"`
}

// DaemonStatus is the daemon's own part of the status.
type DaemonStatus struct {
	Pid             int           `json:"pid"`
	KeeperPid       *int          `json:"keeper_pid"`
	Version         string        `json:"version"`
	StartedAt       time.Time     `json:"started_at"`
	Config          string        `json:"config"`
	ConfigAppliedAt time.Time     `json:"config_applied_at"`
	ConfigError     *string       `json:"config_error"` // the first problem of the refused configuration, as check prints it
	ConfigProblems  spec.Problems `json:"config_problems,omitempty"`
	Roles           []string      `json:"roles"` // active ones
	Stopping        bool          `json:"stopping"`
	StateDirectory  string        `json:"state_directory"`
	StateError      *string       `json:"state_error,omitempty"` // what of it could not be read or cannot be written, since this daemon began
	Timezone        string        `json:"timezone"`              // as configured

	Upgrade  *UpgradeOutcome      `json:"upgrade,omitempty"`  // how the one went that this daemon came from
	Notify   []actors.NewsSink    `json:"notify,omitempty"`   // how news goes, by destination
	Silences []actors.NewsSilence `json:"silences,omitempty"` // that hold now
}

// Zone is the time zone of the configuration; of a daemon that does not name it, or names one that is another one here, the offset that it
// had when the daemon began.
func (d *DaemonStatus) Zone() *time.Location {
	zone, err := time.LoadLocation(d.Timezone)
	if err != nil {
		return d.StartedAt.Location()
	}
	_, there := d.StartedAt.Zone()
	if _, here := d.StartedAt.In(zone).Zone(); here != there {
		return d.StartedAt.Location()
	}
	return zone
}

// NewsReply is how news goes, and what of it waits or has failed for good.
type NewsReply struct {
	Sinks    []actors.NewsSink    `json:"sinks"`
	Messages []actors.NewsMessage `json:"messages"` // by destination, in the order in which they are sent
	Silences []actors.NewsSilence `json:"silences"`
}

// SamplesReply is how samples went.
type SamplesReply struct {
	Tried []actors.NewsTried `json:"tried"`
}

// RetryReply is how many messages are tried again.
type RetryReply struct {
	Messages int `json:"messages"`
}

// WhyReply is the story of the clones of one target.
type WhyReply struct {
	Processes []Story `json:"processes"`
}

// Story is one clone's status, how it got there, and the last lines that it wrote.
type Story struct {
	Status actors.ProcessStatus `json:"status"`
	Events []event.Record       `json:"events"`
	Stdout []string             `json:"stdout"`
	Stderr []string             `json:"stderr"`
}

// PlanReply is what a reload would do.
type PlanReply struct {
	Changes []spec.Change `json:"changes"`
}

// UpgradeReply says that the daemon is about to become another one.
type UpgradeReply struct {
	Pid     int    `json:"pid"` // of the daemon that leaves
	From    string `json:"from"`
	To      string `json:"to"`
	Program string `json:"program"`
}

// UpgradeOutcome is how an upgrade went, told by the daemon that goes on.
type UpgradeOutcome struct {
	From     string `json:"from"`              // the version before
	Problem  string `json:"problem,omitempty"` // why this is still the program before; "" if it is the new one
	Followed bool   `json:"followed"`          // the keeper has become the new program, too
}

// ErrNoDaemon is returned by a Client when no daemon serves its configuration.
var ErrNoDaemon = errors.New("no daemon runs")

// Refusal is a daemon's no. It travels as JSON and is returned by Client methods as an error.
type Refusal struct {
	Usage    bool          `json:"usage"` // asked wrongly: exit 2; otherwise it was tried and failed: exit 1
	Message  string        `json:"message"`
	Hint     string        `json:"hint,omitempty"`
	Problems spec.Problems `json:"problems,omitempty"` // of a configuration that was refused
}

func (r *Refusal) Error() string { return r.Message }
