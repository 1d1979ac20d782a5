package keeper

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// forker starts daemons from one thread, which is not the first of this process and never ends. The kernel keeps children by
// the thread: what a daemon forks for its keeper becomes the child of the thread that forked the daemon, and an orphan that of
// the first thread (find_new_reaper of kernel/exit.c). So the first thread's children are the orphans, and nobody else has to
// be looked through for them.
type forker struct {
	orders chan func()
	list   *Orphans
}

func newForker() *forker {
	f := &forker{orders: make(chan func()), list: OrphansOf(os.Getpid())}
	started := make(chan struct{})
	var begin func()
	begin = func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			go begin() // on another thread, as this one is taken until it is done
			<-started
			runtime.UnlockOSThread()
			return
		}
		close(started)
		waiting := patient()
		_ = unix.PthreadSigmask(unix.SIG_UNBLOCK, &waiting, nil) // what we became may have begun with them blocked; no child does
		for order := range f.orders {
			order()
		}
	}
	go begin()
	<-started
	return f
}

func (f *forker) fork(program string, argv []string, attributes *syscall.ProcAttr) (pid int, err error) {
	done := make(chan struct{})
	f.orders <- func() {
		pid, err = syscall.ForkExec(program, argv, attributes)
		close(done)
	}
	<-done
	return pid, err
}

// orphans are the children of the first thread; all where they cannot be told apart.
func (f *forker) orphans() []int {
	if all, ok := f.list.Read(); ok {
		return all
	}
	return pidfd.Children(os.Getpid())
}
