package forward

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// expect has a connection break that has had no acknowledgement for so long. By itself the kernel waits for a quarter of an hour.
func expect(conn *net.TCPConn, patience time.Duration) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(patience.Milliseconds()))
	})
}

// acknowledges says that unacknowledged has an answer for TCP.
const acknowledges = true

// unacknowledged is how many of the bytes that were written to a TCP connection its peer's kernel has not acknowledged. The answer
// is still there once the connection has broken, until it is closed.
func unacknowledged(conn net.Conn) (n int, ok bool) {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return 0, false // of a unix socket the answer is how much memory is used
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	failed := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return n, failed == nil && err == nil
}
