package osproc

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// needsThread is whether a command has to be forked by forkFromThread.
func needsThread(c Command) bool { return c.Umask != nil || c.Nice != nil || maskInherited() }

// forkFromThread forks from a thread that has the attributes which the kernel keeps for each thread: the child inherits
// them, and we never have them.
func forkFromThread(c Command, attributes *syscall.ProcAttr) (pid int, start uint64, err error) {
	onThread(func() {
		if err = dressThread(c); err == nil {
			pid, start, err = forkExec(c, attributes)
		}
	})
	return pid, start, err
}

// onThread runs f on a thread that ends with it. The main thread never ends, and what it has is shown as the attributes
// of the whole process: f does not run there.
func onThread(f func()) {
	done := make(chan struct{})
	var try func()
	try = func() {
		runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
		if unix.Gettid() == os.Getpid() {
			defer runtime.UnlockOSThread()
			go try() // on another thread, as this one is taken until it is done
			<-done
			return
		}
		defer close(done)
		f()
	}
	go try()
	<-done
}

// dressThread gives the locked thread a signal mask, a umask and a niceness of its own.
func dressThread(c Command) error {
	if maskInherited() {
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil); err != nil {
			return &stepError{"signal mask", err}
		}
	}
	if c.Umask != nil {
		if err := unix.Unshare(unix.CLONE_FS); err != nil { // parts the umask from that of the other threads
			return &stepError{"umask", err}
		}
		unix.Umask(*c.Umask)
	}
	if c.Nice != nil {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, *c.Nice); err != nil {
			return &stepError{fmt.Sprintf("nice %d", *c.Nice), err}
		}
	}
	return nil
}

// umaskOfThread is whether a thread may have a umask of its own; the seccomp profile of most containers refuses it.
var umaskOfThread = sync.OnceValue(func() bool {
	allowed := false
	onThread(func() { allowed = unix.Unshare(unix.CLONE_FS) == nil })
	return allowed
})

// closeOnExec keeps from the next child what a library, or whoever started us, left inheritable. All that Go opens is
// closed by exec anyway. The lock is for whoever clears the flag on purpose to exec.
func closeOnExec() {
	syscall.ForkLock.RLock()
	err := unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC)
	syscall.ForkLock.RUnlock()
	if err != nil { // before Linux 5.11
		closeInheritedOnExec()
	}
}

// closeInheritedOnExec is too slow for every start: it is for what we were started with.
var closeInheritedOnExec = sync.OnceFunc(func() {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		var fd int
		if _, err := fmt.Sscan(entry.Name(), &fd); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
})
