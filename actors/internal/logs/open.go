package logs

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// mostLinks is how many symbolic links are followed on the way: as many as Linux follows.
const mostLinks = 40

// trust is the user whose symbolic links are followed beside root's and our own: whoever owns the configuration.
type trust int

// openLog opens a log file for writing at its end, with the directories above it created. The file is not O_APPEND, which
// splice(2) refuses. A symbolic link on the way is followed only if somebody made it who is trusted: whoever can write to one of
// the directories could otherwise lead us into any file of ours. name is what the file is called behind the links at its
// end, "" for a link of the kernel.
func openLog(path string, who trust) (fd int, name string, err error) {
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	name = path
	for range mostLinks {
		d, err := enter(name, who)
		if err != nil {
			return -1, "", err
		}
		fd, err := d.open(flags, fileMode)
		if err != unix.ELOOP {
			d.close()
			if err != nil { // ENXIO is a FIFO without a reader, or a socket
				return -1, "", &os.PathError{Op: "open", Path: path, Err: err}
			}
			return fd, name, nil
		}
		target, direct, err := readLink(d.fd, d.last, name, who)
		if err == nil && direct { // a link of the kernel, such as /dev/stdout leads to: its text is no path
			fd, err = d.open(flags&^unix.O_NOFOLLOW&^unix.O_CREAT, 0)
			if err == unix.EACCES || err == unix.EPERM {
				fd, err = d.open(unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
			}
			d.close()
			if err != nil {
				return -1, "", &os.PathError{Op: "open", Path: path, Err: err}
			}
			return fd, "", nil
		}
		d.close()
		if err != nil {
			return -1, "", err
		}
		name = behind(name, target)
	}
	return -1, "", &os.PathError{Op: "open", Path: path, Err: unix.ELOOP}
}

// doorstep is the directory of a file, open, and the file's name in it.
type doorstep struct {
	fd   int // may be AT_FDCWD
	last string
}

func (d doorstep) open(flags int, mode uint32) (int, error) {
	return retryInterrupted(func() (int, error) { return unix.Openat(d.fd, d.last, flags, mode) })
}

func (d doorstep) close() {
	if d.fd != unix.AT_FDCWD {
		_ = unix.Close(d.fd)
	}
}

// follows says whether a symbolic link of this owner is followed.
func (t trust) follows(name string, uid uint32) error {
	if uid == 0 || int(uid) == os.Geteuid() || int(uid) == int(t) {
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
