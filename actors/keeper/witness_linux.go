package keeper

import (
	"os"
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
	pidfd int
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
	return &witness{pid, info.Start, handle}
}

// signal waits until the keeper is dead, and is what has killed it; 0 where nobody knows.
func (w *witness) signal() syscall.Signal {
	if w == nil {
		return 0
	}
	defer func() { _ = unix.Close(w.pidfd) }()
	for deadline := time.Now().Add(deathWithin); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		if status, ok := pidfd.Foreign(w.pidfd); ok {
			return status.Signal
		}
		if status, ok := pidfd.Zombie(w.pid, w.start); ok {
			return status.Signal
		}
	}
	return 0
}
