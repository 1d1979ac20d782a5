//go:build !linux

package child

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pipe holds the fork lock, so that no fork inherits an end before it is close-on-exec.
func pipe(ends *[2]int) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(ends[:]); err != nil {
		return err
	}
	unix.CloseOnExec(ends[0])
	unix.CloseOnExec(ends[1])
	return nil
}
