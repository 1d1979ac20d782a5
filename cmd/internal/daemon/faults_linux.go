package daemon

import (
	"os"
	"syscall"
)

// faults are the signals of the kernel's that somebody may send as well. One that the kernel has sent is never handed to us: it goes on
// ending us, with our stacks. ABRT is not among them, by which the keeper ends a daemon that hangs.
var faults = []os.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGSYS, syscall.SIGTRAP, syscall.SIGSTKFLT}
