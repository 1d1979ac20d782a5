// Package child holds every live operating system process in a table keyed by run, from the moment it is asked for until
// it is reaped and nothing of it is left.
//
// Guarantees: a run is started at most once, until it is released. Its notes come in order, each at most once to whoever is
// attached: Spawned, then MainGone if it leaves others behind, then Ended; or SpawnFailed alone. Ended comes after every line
// that the run wrote, and what it left behind in its group, is in its file (or refused by it), and after nothing of its
// process group is alive. A run belongs to no actor: an actor attaches and detaches, the process does not notice. No method
// waits for a process, a disk or a fork.
//
// Non-guarantees: a descendant that moved to a session of its own is not found here; the whole tree is another matter. Nor is
// a group that forks faster than /proc can be walked: it may be taken for gone.
package child
