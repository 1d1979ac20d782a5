package daemon

import "golang.org/x/sys/unix"

// inMemory tells whether a directory is on a file system that has no disk.
func inMemory(directory string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(directory, &fs) == nil && (fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.RAMFS_MAGIC)
}
