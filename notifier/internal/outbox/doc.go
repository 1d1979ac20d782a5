// Package outbox keeps messages until they are delivered, and delivers them: an Outbox is the store of all sinks, a Courier brings those of one.
//
// Guarantees: what was put in survives the death of this process, stays in the order of its sink, and is delivered, merged with its like and
// counted, or listed as failed. Nobody waits for a disk or a service but the courier.
//
// Non-guarantees: a loss of power may cost what is newer than a second. A message whose delivery was not noted any more arrives again, with its id.
package outbox
