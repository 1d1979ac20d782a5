package osproc

import "golang.org/x/sys/unix"

// Reach returns when the file system of a path answers, which on a dead mount may be never. So would a fork whose directory or program
// lies there: but that keeps one of the runtime's processors, for which the next garbage collection waits, and everything with
// it. This keeps a thread. What stat tells may be known from before; statfs asks the server each time.
func Reach(path string) {
	var answer unix.Statfs_t
	_ = unix.Statfs(path, &answer) // what is wrong with the path the fork will say
}
