// Package daemon is a running phorever: it starts the parts in order (locks, log, tree, door), turns signals into orders,
// and stops the parts in reverse.
//
// Guarantees: there is one daemon for a configuration, by a lock that is taken before anything else happens. A
// configuration that cannot be used changes nothing that runs. The daemon's own log and its terminal never make
// supervision wait: what they do not take is dropped and counted. Nothing but the signals that end it ends it.
//
// Non-guarantees: after kill -9 of the daemon its processes run on without it; nothing finds them again.
package daemon
