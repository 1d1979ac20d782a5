//go:build !linux

package forward

import "net"

// sendMemory has no memory files here, nor a journald that would take one.
func sendMemory(net.Conn, []byte) error { return errUnsendable }
