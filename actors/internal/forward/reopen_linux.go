package forward

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// reopen opens a pipe anew: only then is it ours alone whether writes to it block. It is nil for what is no pipe, and where we may
// not, as after a change of the user.
func reopen(file *os.File) (*os.File, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	failed := raw.Control(func(number uintptr) {
		var st unix.Stat_t
		if err = unix.Fstat(int(number), &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
			return
		}
		name := "/proc/self/fd/" + strconv.Itoa(int(number))
		fd, err = unix.Open(name, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err == unix.ENXIO {
			err = unix.EPIPE // it has no reader
		} else {
			err = nil
		}
	})
	if failed != nil || err != nil || fd < 0 {
		return nil, errors.Join(failed, err)
	}
	if fd <= 2 { // somebody closed them
		high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		_ = unix.Close(fd)
		if err != nil {
			return nil, err
		}
		fd = high
	}
	return os.NewFile(uintptr(fd), file.Name()), nil
}
