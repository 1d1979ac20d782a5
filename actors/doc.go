// Package actors is the supervision tree, and the only package that knows protoactor-go.
//
//	rootActor                       configuration in, roles out; applies diffs; orderly shutdown
//	├─ roleActor "rolea"            owns the clones whose home it is; its supervision of siblings; its own give-up
//	│  ├─ processActor short_lived:1   one clone: what is wanted, its state, its history; always answers
//	│  │  └─ runActor                  one run of it: fails when the run ended without an order
//	│  └─ processActor short_lived:2 …
//	├─ notifierActor                hands each event to the sinks, each behind a bounded queue
//	└─ statsActor                   folds the same events into the read-model
//
// Guarantees: at most one run of a clone is alive at any time. Nothing in the tree waits for a process, a disk, a fork or
// a reader: what blocks lives elsewhere and sends a note. Orders are answered when the read-model shows their effect. One
// process giving up touches another only as far as their role says so. A panic in an actor is announced, counted against
// no process, and stops none: processes belong to the table in internal/child, to which runActors attach.
//
// Non-guarantees: the tree does not survive this process; whoever restarts the daemon begins with an empty one. Events of
// different clones have no order.
package actors
