//go:build !linux

package daemon

import (
	"os"
	"syscall"
)

// faults are the signals of the kernel's that somebody may send as well.
var faults = []os.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGSYS, syscall.SIGTRAP}
