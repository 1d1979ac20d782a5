// Package pidfile gives one pid file, or lock file, to one process: by a lock, not by trusting a number.
//
// Guarantees: the lock comes first, the number is written under it. Whoever does not get the lock changes nothing of its
// owner's, and learns the owner's number, never one that a dead process left. Who only looks, with a shared lock for a
// moment, keeps nobody out. A file that a dead process left behind is no obstacle. The file is removed
// only by its owner, and only while it is still the same file. No process is ever signaled.
//
// Non-guarantees: on file systems without flock (some network mounts) the error says so; nothing else is tried.
package pidfile
