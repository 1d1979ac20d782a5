package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// mostLinks is how many symbolic links are followed at the end of a path: as many as Linux follows.
const mostLinks = 40

// openLog opens a log file for writing at its end, with the directories above it created. The file is not O_APPEND, which
// splice(2) refuses. A symbolic link at the end of the path is followed only if root or our own user made it: whoever can
// write to the directory could otherwise lead us into any file of ours.
func openLog(path string) (int, error) {
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	name := path
	for range mostLinks {
		fd, err := retryInterrupted(func() (int, error) { return unix.Open(name, flags, fileMode) })
		switch err {
		case nil:
			return fd, nil
		case unix.ENXIO: // a FIFO without a reader, or a socket
			return -1, &os.PathError{Op: "open", Path: path, Err: err}
		case unix.ENOENT:
			if err := os.MkdirAll(filepath.Dir(name), directoryMode); err != nil {
				return -1, err
			}
			fd, err := retryInterrupted(func() (int, error) { return unix.Open(name, flags, fileMode) })
			if err == nil {
				return fd, nil
			}
			if err != unix.ELOOP {
				return -1, &os.PathError{Op: "open", Path: path, Err: err}
			}
		case unix.ELOOP:
		default:
			return -1, &os.PathError{Op: "open", Path: path, Err: err}
		}
		target, direct, err := readLink(name)
		if err != nil {
			return -1, err
		}
		if direct { // a link of the kernel, such as /dev/stdout leads to: its text is no path
			fd, err := retryInterrupted(func() (int, error) { return unix.Open(name, flags&^unix.O_NOFOLLOW&^unix.O_CREAT, 0) })
			if err == unix.EACCES || err == unix.EPERM {
				fd, err = retryInterrupted(func() (int, error) {
					return unix.Open(name, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
				})
			}
			if err != nil {
				return -1, &os.PathError{Op: "open", Path: path, Err: err}
			}
			return fd, nil
		}
		if !filepath.IsAbs(target) {
			target = filepath.Dir(name) + "/" + target // not Join: it would resolve ".." before the links in between
		}
		name = target
	}
	return -1, &os.PathError{Op: "open", Path: path, Err: unix.ELOOP}
}

// trusted says whether a symbolic link of this owner is followed.
func trusted(name string, uid uint32) error {
	if uid == 0 || int(uid) == os.Geteuid() {
		return nil
	}
	return fmt.Errorf("open %s: symbolic link belongs to another user (uid %d)", name, uid)
}

// identity is what a file is, whatever it is called. The zero value is no file.
type identity struct{ device, inode uint64 }

// identify tells what an open file is, and its size; size is -1 for anything but a regular file, and links is how many
// names a regular file has.
func identify(fd int) (id identity, size int64, links uint64, err error) {
	var st unix.Stat_t
	if _, err := retryInterrupted(func() (int, error) { return 0, unix.Fstat(fd, &st) }); err != nil {
		return identity{}, 0, 0, os.NewSyscallError("fstat", err)
	}
	id = identity{uint64(st.Dev), st.Ino} //nolint:unconvert // an int32 on macOS
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return id, -1, 1, nil
	}
	return id, st.Size, uint64(st.Nlink), nil //nolint:unconvert // an uint32 on arm64, an uint16 on macOS
}

func retryInterrupted(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return n, err
		}
	}
}
