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
