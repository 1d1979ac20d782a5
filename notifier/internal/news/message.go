package news

import (
	"context"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// Kind is what a message is to its incident.
type Kind string

// The kinds of messages.
const (
	First  Kind = "first"  // opens an incident
	Update Kind = "update" // counts what has happened since the message before
	End    Kind = "end"    // it is over
	Digest Kind = "digest" // many incidents at once
	Sample Kind = "test"   // asked for by hand
)

// Message is one piece of news, as it waits for its delivery. It is a value: what it holds is not changed any more.
type Message struct {
	ID       string         `json:"id"` // never used twice: whoever gets it again may know it by that
	Kind     Kind           `json:"kind"`
	Incident string         `json:"incident,omitempty"` // the id of its first message
	Headline string         `json:"headline"`           // one line for people
	Severity event.Severity `json:"severity"`
	Time     time.Time      `json:"time"`  // of the newest event in it
	Since    time.Time      `json:"since"` // of the incident's first event
	Host     string         `json:"host"`
	Project  string         `json:"project"` // the directory of the configuration
	// Event is the newest event that it tells of; a digest and a sample have none but a time and a message.
	Event     event.Record   `json:"event"`
	Count     int            `json:"count"` // events of the incident until now
	Fresh     int            `json:"fresh"` // of them, since the message before
	Processes []spec.CloneID `json:"processes,omitempty"`
	GaveUp    []spec.CloneID `json:"gave_up,omitempty"` // since the message before
	Items     []Item         `json:"items,omitempty"`   // of a digest
}

// Item is what a digest tells of one incident.
type Item struct {
	Incident string         `json:"incident"`
	Subject  string         `json:"subject"` // a process's name, or another cause
	Severity event.Severity `json:"severity"`
	Count    int            `json:"count"` // events that no other message tells of
	Last     string         `json:"last"`  // what the newest event says
	GaveUp   []spec.CloneID `json:"gave_up,omitempty"`
}

// Channel carries messages over one service.
type Channel interface {
	// Send delivers one message and tells what the service answered, in a few words. It returns when ctx ends, and holds no more
	// than some KiB of an answer, however long that is. The error may be a Refusal or a Delay; any other is worth another try. It
	// never holds a secret. Calls come one after another.
	Send(ctx context.Context, m Message) (answer string, err error)
}

// Refusal is an error that will not go away by trying again: a wrong address, a revoked token.
type Refusal struct{ Err error }

// Delay is an error after which the service wants to be left alone.
type Delay struct {
	After time.Duration
	Err   error
}

func (r Refusal) Error() string { return r.Err.Error() }
func (d Delay) Error() string   { return d.Err.Error() }

// Unwrap is the error itself.
func (r Refusal) Unwrap() error { return r.Err }

// Unwrap is the error itself.
func (d Delay) Unwrap() error { return d.Err }
