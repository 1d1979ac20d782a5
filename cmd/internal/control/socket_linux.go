package control

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// longestPath is how long a socket's path may be (sun_path, with its final NUL).
const longestPath = 107

// short gives a path that fits into a socket address: a long one is reached through a descriptor of its directory, which
// must be kept open while the path is used.
func short(path string) (string, *os.File, error) {
	if len(path) <= longestPath {
		return path, nil, nil
	}
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", directory.Fd(), filepath.Base(path)), directory, nil
}

// peer is the user at the other end of a connection.
func peer(connection *net.UnixConn) (uid int, err error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return -1, err
	}
	var credentials *unix.Ucred
	if ctl := raw.Control(func(fd uintptr) {
		credentials, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); ctl != nil {
		return -1, ctl
	}
	if err != nil {
		return -1, err
	}
	return int(credentials.Uid), nil
}
