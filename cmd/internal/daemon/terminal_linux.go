package daemon

import (
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// writesInBackground lets this goroutine write to a terminal of which we are a background job, also where the terminal is
// set to stop such jobs (stty tostop): blocked, the signal means that the write is let through. Merely handled it would
// make the kernel try the write again for ever, and ignored it would be ignored by our children as well.
func writesInBackground() {
	runtime.LockOSThread() // never given back: the thread ends with the goroutine
	var set unix.Sigset_t
	set.Val[0] = 1 << (uint(syscall.SIGTTOU) - 1)
	_ = unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil)
}
