// Package daemon is a running phorever: it starts the parts in order (locks, log, tree, door), turns signals into orders,
// and stops the parts in reverse.
//
// Guarantees: there is one daemon for a configuration, by a lock that is taken before anything else happens. A
// configuration that cannot be used changes nothing that runs. The daemon's own log and its terminal never make
// supervision wait: what they do not take is dropped and counted. Nothing but the signals that end it ends it. After kill -9,
// and in an upgrade, another daemon goes on with everything where this one was.
//
// Non-guarantees: without a keeper (elsewhere than on Linux) processes run on after kill -9 of the daemon, and nothing finds them
// again.
package daemon
