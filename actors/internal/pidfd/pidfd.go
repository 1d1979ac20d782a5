package pidfd

import (
	"errors"
	"syscall"
	"time"
)

var (
	// ErrGone says that the process has ended and was reaped.
	ErrGone = errors.New("the process has ended")
	// ErrStranger says that the number belongs to another process by now.
	ErrStranger = errors.New("another process has that number")
)

// Status is how a process ended. Signal is 0 when it exited with Code.
type Status struct {
	Code   int
	Signal syscall.Signal
	Core   bool
	Lost   bool // nobody could see how
	OOM    bool // the kernel ended it, or something of it, for want of memory
	User   time.Duration
	System time.Duration
	MaxRSS int64 // bytes
}

// Info is what /proc tells of a process.
type Info struct {
	State                  byte // R, S, D, T, Z, …
	Parent, Group, Session int
	Start                  uint64 // ticks since boot
}

// Ended says whether it is no more than an exit code that somebody may ask for.
func (i Info) Ended() bool { return i.State == 'Z' || i.State == 'X' }

// Led says whether it is in the session or the group that a process of this number leads, or has led: the number stays taken for as long.
func (i Info) Led(by int) bool { return i.Session == by || i.Group == by }
