// Package notifier is where news goes. Facts come in through bounded queues; an Office has a desk for each destination, which decides what is
// told and when, and a courier, which brings it.
//
// Guarantees: offering a record never blocks and never fails. A sink gets records in the order in which they were offered. One that is too
// slow loses the oldest ones, and is told how many. What a desk has decided to tell is in the outbox before it is sent.
//
// Non-guarantees: a record that waits in a queue when the process ends without Close is lost.
package notifier

import "github.com/dcousineau/phorever/actors/event"

// Sink is a destination of news. Deliver may block; missed is how many records were lost right before this one.
type Sink interface {
	Deliver(record event.Record, missed int)
}
