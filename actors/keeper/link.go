package keeper

import (
	"syscall"
	"time"
)

// Inheritance is what a daemon finds when it begins.
type Inheritance struct {
	Keeper     int    // pid
	Version    string // of the keeper's program
	Generation int    // 1 for the first daemon of its keeper
	Why        string // why the last one ended, as a phrase; "" where there was none
	Runs       []Run
	Reserved   []string // runs whose fork was announced by a daemon that died before it could name the process
	Unknown    []Child  // children of the keeper that nobody has named
	Files      map[string]int
	Texts      map[string]string
}

// Run is a process that the keeper watches.
type Run struct {
	ID      string
	Pid     int
	Start   uint64        // ticks since boot
	Foreign bool          // not the keeper's child
	Ended   time.Duration // since boot, when the keeper saw that it had ended, 0 for not at all
}

// Child is a child of the keeper.
type Child struct {
	Pid, Session int
	Start        uint64
	Zombie       bool
}

// Exit is how a run ended.
type Exit struct {
	Code         int
	Signal       syscall.Signal
	Core, Lost   bool
	User, System time.Duration
	MaxRSS       int64 // bytes
	Pid          int
}

// Ends is whoever wants to know how runs end. Its methods are called on the link's goroutine and must not block; they may
// call the link.
type Ends interface {
	// Exited answers Peek.
	Exited(run string, exit Exit)
	// Strays answers Look.
	Strays(run string, pids []int)
}

// Life is whoever lives with the keeper. Its methods are called as those of Ends.
type Life interface {
	// Signaled passes a signal on. acted is to be called when it was acted on: until then the next daemon hears of it too.
	Signaled(number syscall.Signal, acted func())
	// Asked wants a beat, from as deep in the daemon as possible.
	Asked()
	// Renewed says that the keeper has become another program.
	Renewed(version string)
	// Bereft says that the keeper is gone, and which signal has killed it, 0 where nobody knows. It is the last call.
	Bereft(by syscall.Signal)
}

func exitOf(m message) Exit {
	return Exit{
		Pid: int(m.number(0)), Code: int(m.number(1)), Signal: syscall.Signal(m.number(2)), Core: m.number(3) != 0, Lost: m.number(4) != 0,
		User: time.Duration(m.number(5)), System: time.Duration(m.number(6)), MaxRSS: m.number(7),
	}
}

func pids(numbers []int64) []int {
	all := make([]int, len(numbers))
	for i, n := range numbers {
		all[i] = int(n)
	}
	return all
}
