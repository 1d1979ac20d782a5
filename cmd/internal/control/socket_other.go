//go:build !linux

package control

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// longestPath is how long a socket's path may be (sun_path, with its final NUL).
const longestPath = 103

func short(path string) (string, *os.File, error) {
	if len(path) > longestPath {
		return "", nil, fmt.Errorf("%s: is too long for a socket (%d characters at most): set XDG_RUNTIME_DIR to a shorter one", path, longestPath)
	}
	return path, nil, nil
}

// peer is the user at the other end of a connection.
func peer(connection *net.UnixConn) (uid int, err error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return -1, err
	}
	var credentials *unix.Xucred
	if ctl := raw.Control(func(fd uintptr) {
		credentials, err = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	}); ctl != nil {
		return -1, ctl
	}
	if err != nil {
		return -1, err
	}
	return int(credentials.Uid), nil
}
