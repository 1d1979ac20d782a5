//go:build !linux

package forward

import (
	"net"
	"time"
)

// expect leaves the kernel its own patience.
func expect(*net.TCPConn, time.Duration) {}

// acknowledges says that unacknowledged has an answer for TCP.
const acknowledges = false

// unacknowledged has no answer here that outlives the connection.
func unacknowledged(net.Conn) (n int, ok bool) { return 0, false }
