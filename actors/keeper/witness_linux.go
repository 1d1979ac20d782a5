package keeper

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// deathWithin is how long after its socket a keeper that was killed is gone.
const deathWithin = time.Second

// witness sees how a keeper ends, which is nobody's child here.
type witness struct {
	pid   int
	start uint64

	mu    sync.Mutex
	pidfd int // -1 when it has ended
}

// witnessParent watches the keeper that has started us; nil where it is another process, or cannot be seen.
func witnessParent(pid int) *witness {
	info, ok := pidfd.ReadInfo(pid)
	if !ok || pid != os.Getppid() {
		return nil
	}
	handle, err := pidfd.OpenChecked(pid, info.Start)
	if err != nil {
		return nil
	}
	return &witness{pid: pid, start: info.Start, pidfd: handle}
}

// signal waits until the keeper is dead, and is what has killed it; 0 where nobody knows.
func (w *witness) signal() syscall.Signal {
	if w == nil {
		return 0
	}
	defer w.close()
	for deadline := time.Now().Add(deathWithin); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		gone := errors.Is(pidfd.Signal(w.pidfd, 0), pidfd.ErrGone) // before the looks: there is nothing to wait for after them
		if status, ok := pidfd.Foreign(w.pidfd); ok {
			return status.Signal
		}
		if status, ok := pidfd.Zombie(w.pid, w.start); ok {
			return status.Signal
		}
		if gone {
			break
		}
	}
	return 0
}

func (w *witness) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = unix.Close(w.pidfd)
	w.pidfd = -1
}

// wake has a keeper go on that somebody has stopped.
func (w *witness) wake() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pidfd >= 0 {
		_ = pidfd.Signal(w.pidfd, unix.SIGCONT)
	}
}
