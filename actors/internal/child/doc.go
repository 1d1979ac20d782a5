// Package child holds every live operating system process in a table keyed by run, from the moment it is asked for until
// it is reaped and nothing of it is left.
//
// Guarantees: a run is started at most once, until it is released. Its notes come in order, each at most once to whoever is
// attached: Spawned, then MainGone if it leaves others behind, then Ended; or SpawnFailed alone. Ended comes after every line
// that the run wrote, and what it left behind in its group, is in its file (or refused by it), and after nothing of its
// tree is alive, wherever that has moved (with a keeper; without one, of its process group). A run belongs to no actor: an actor attaches and detaches, the process does not notice. No method
// waits for a process, a disk or a fork.
//
// A table with a keeper takes back what an earlier one has left: by the keeper's word, by what was saved, and by the mark in
// the environment; a number alone proves nothing.
//
// Non-guarantees: a descendant that has lost its parent and everything that told where it came from is ended with the table
// alone. Where there is no keeper a group that forks faster than /proc can be walked may be taken for gone.
package child
