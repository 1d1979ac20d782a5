// Package osproc starts operating system processes, sees them end and signals them.
//
// Guarantees: a process is named by a pidfd from its birth, so that a signal never reaches a stranger with a reused pid.
// An end is peeked at first: the process stays a zombie, and its pid taken, until whoever owns it says Reap. A child has
// descriptors 0 to 2 only, default signal handlers, an empty mask, a session of its own and the soft limit of open files
// that we were started with. No goroutine and no thread belongs to a child; all ends come through one epoll loop.
//
// Non-guarantees: descendants that leave the session of their leader are not seen here. Where the system has no pidfd a
// signal is sent by pid, while the zombie is not reaped.
package osproc
