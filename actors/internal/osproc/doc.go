// Package osproc starts operating system processes, sees them end and signals them.
//
// Guarantees: a process is named by a pidfd from its birth, so that a signal never reaches a stranger with a reused pid.
// An end is peeked at first: the process stays a zombie, and its pid taken, until whoever owns it says Reap. A child has
// descriptors 0 to 2 only, default signal handlers, an empty mask, a session of its own and the soft limit of open files
// that we were started with. No goroutine and no thread belongs to a child; all ends come through one epoll loop. Where
// orphans are handed to this process (PID 1, a subreaper) they are reaped while a Loop lives, and never a child of ours.
//
// The members of a tree are found by Kin, by more than their number, and signaled only if they began when they were seen to.
//
// Non-guarantees: a walk through /proc is not atomic: a process that forks meanwhile may be missed.
// Where the system has no pidfd a signal is sent by pid, while the zombie is not reaped, and ends are told by SIGCHLD; a
// process whose parent is another cannot be watched there. A child that other code in this process forks must be waited
// for within half a second of its end where orphans come to us. Before Linux 5.11 descriptors that a library leaves
// inheritable after the first start reach children.
package osproc
