// Package keeper is the small process that outlives the daemon, and the daemon's link to it.
//
// The keeper is named by the pid file. It is the parent and the subreaper of every process that the daemon starts, starts
// the daemon again when it dies or hangs, holds what a new daemon needs, and is the only one to hear signals, the terminal and
// the service manager. It decides nothing about processes: it reaps when it is told to, and peeks at an end when it is asked.
//
// Guarantees: while keeper or daemon lives no exit status is lost, no FIFO that was held loses a byte, and no lock is free.
// An end stays a zombie, its pid taken, until the daemon has taken note of it. A child of a reserved run that the daemon
// did not live to name is offered to the next daemon, never killed. A message to a daemon that does not read waits here and
// delays nothing. A signal that the daemon did not acknowledge is told to the next one. Orphans are reaped.
//
// Non-guarantees: what is in a FIFO that both have lost is the child's alone; an end that both slept through is seen by
// the next pair only where the kernel remembers it (Linux 6.15). Where the kernel has no pidfd there is no keeper, and
// the daemon supervises alone.
package keeper
