package osproc

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// dressThread gives the locked thread a umask and a niceness of its own. unshare(CLONE_FS) parts its umask from ours.
func dressThread(c Command) error {
	if c.Umask != nil {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("umask: %w", err)
		}
		unix.Umask(*c.Umask)
	}
	if c.Nice != nil {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, *c.Nice); err != nil {
			return fmt.Errorf("nice %d: %w", *c.Nice, err)
		}
	}
	return nil
}
