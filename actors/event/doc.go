// Package event holds the facts that Phorever tells about: immutable, past tense, self-describing values.
//
// Guarantees: a fact's String is the one sentence that logs, the command line, notifications and the dashboard all
// print. Facts of one clone are published in the order in which they happened; a Record's id never repeats.
//
// Non-guarantees: there is no order across clones.
package event

import (
	"slices"
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

// rank orders severities; an unknown one is the mildest.
func (s Severity) rank() int { return slices.Index([]Severity{Info, Warning, Error}, s) }

// Milder tells whether a severity is less bad than another.
func (s Severity) Milder(than Severity) bool { return s.rank() < than.rank() }

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
	Next    string // a phrase: "resurrecting in 10s"
	Sink    string // of news
	Over    bool   // what earlier facts of this name have told of has ended
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
	Meaning  string       `json:"meaning,omitempty"` // of the exit, where more is known than its status says
	Next     string       `json:"next,omitempty"`    // what happens to the process now, as a phrase
	LogTail  []string     `json:"log_tail,omitempty"`
	Sink     string       `json:"sink,omitempty"` // of notification.failed
	Over     bool         `json:"over,omitempty"` // what earlier events of this name have told of has ended
}

// In is the record with its times in a time zone.
func (r Record) In(zone *time.Location) Record {
	r.Time = r.Time.In(zone)
	r.Exit = r.Exit.In(zone)
	return r
}
