// Package notifier is where news goes: sinks, each behind a bounded queue of its own.
//
// Guarantees: offering a record never blocks and never fails. A sink gets records in the order in which they were
// offered. One that is too slow loses the oldest ones, and is told how many.
//
// Non-guarantees: a record that waits in a queue when the process ends without Close is lost.
package notifier

import "github.com/dcousineau/phorever/actors/event"

// Sink is a destination of news. Deliver may block; missed is how many records were lost right before this one.
type Sink interface {
	Deliver(record event.Record, missed int)
}
