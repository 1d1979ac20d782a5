package logs

import (
	"os"

	"golang.org/x/sys/unix"
)

// readLink reads a symbolic link of a trusted owner. The link is held open from the look at its owner to the reading, so
// that no other can be put in its place. direct is set for links that only the kernel can follow.
func readLink(name string) (target string, direct bool, err error) {
	fd, err := retryInterrupted(func() (int, error) {
		return unix.Open(name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return "", false, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", false, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if err := trusted(name, st.Uid); err != nil {
		return "", false, err
	}
	// An empty path reads the link itself, Linux 2.6.39.
	text := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", text)
	if err != nil {
		return "", false, &os.PathError{Op: "readlink", Path: name, Err: err}
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return "", false, &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	procfs := fs.Type == unix.PROC_SUPER_MAGIC && st.Size == 64 // only /proc/PID/fd links have this size
	return string(text[:n]), procfs, nil
}
