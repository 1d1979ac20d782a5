// Package actors is the supervision tree, and the only package that knows protoactor-go.
//
//	rootActor                       configuration in, roles out; applies diffs; orderly shutdown
//	├─ roleActor "rolea"            owns the clones whose home it is; its supervision of siblings; its own give-up
//	│  ├─ processActor short_lived:1   one clone: what is wanted, its state, its history; always answers
//	│  │  └─ runActor                  one run of it: fails when the run ended without an order
//	│  └─ processActor short_lived:2 …
//	├─ notifierActor                hands each event to the sinks, each behind a bounded queue
//	├─ hooksActor                   runs the commands of hooks, each hook's one after another
//	├─ listenersActor               keeps the programs of listeners alive, and fed
//	└─ statsActor                   folds the same events into the read-model
//
// Guarantees: at most one run of a clone is alive at any time. Nothing in the tree waits for a process, a disk, a fork or
// a reader: what blocks lives elsewhere and sends a note. Orders are answered when the read-model shows their effect. One
// process giving up touches another only as far as their role says so. A panic in an actor is announced, counted against
// no process, and stops none: processes belong to the table in internal/child, to which runActors attach.
//
// What must outlive the daemon is handed to Saving, and a tree that is given it back goes on where that was left.
//
// Non-guarantees: the restart of a whole role (one_for_all, rest_for_one) that is under way is not saved: its members go on by
// themselves. Events of different clones have no order.
package actors
