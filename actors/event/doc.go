// Package event holds the facts that Phorever tells about: immutable, past tense, self-describing values.
//
// Guarantees: a fact's String is the one sentence that logs, the command line, notifications and the dashboard all
// print. Facts of one clone are published in the order in which they happened; a Record's id never repeats.
//
// Non-guarantees: there is no order across clones.
package event

import (
	"time"

	"github.com/dcousineau/phorever/spec"
)

// Severity grades a fact.
type Severity string

// The severities, mildest first.
const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Fact is something that happened.
type Fact interface {
	Name() string // "process.exited"
	Severity() Severity
	Subject() Subject
	String() string // one sentence for people, without a final stop
}

// Subject is what a fact is about. Zero fields do not apply.
type Subject struct {
	Process spec.CloneID
	Role    string
	Run     int
	Pid     int
	Exit    *Exit
	LogTail []string
}

// Record is a fact with its address in time: one object of `events --json`.
type Record struct {
	V        int          `json:"v"`
	ID       string       `json:"id"`
	Time     time.Time    `json:"time"`
	Event    string       `json:"event"`
	Severity Severity     `json:"severity"`
	Process  spec.CloneID `json:"process,omitempty"`
	Role     string       `json:"role,omitempty"`
	Run      int          `json:"run,omitempty"`
	Pid      int          `json:"pid,omitempty"`
	Exit     *Exit        `json:"exit,omitempty"`
	Message  string       `json:"message"`
	LogTail  []string     `json:"log_tail,omitempty"`
}
