package child

import (
	"strconv"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// RunID names one run of one clone, for the life of the daemon.
type RunID struct {
	Clone string
	Run   int
}

// String is "web:1#13".
func (id RunID) String() string { return id.Clone + "#" + strconv.Itoa(id.Run) }

// parseRunID is the reverse of String.
func parseRunID(text string) (RunID, bool) {
	clone, number, ok := strings.Cut(text, "#")
	run, err := strconv.Atoi(number)
	return RunID{clone, run}, ok && err == nil && clone != "" && run > 0
}

// Note is what the table tells about a run: Spawned, SpawnFailed, Stuck, MainGone or Ended.
type Note interface{ note() }

// Spawned says that the run has a process. Told again with another Pid it says that the program has replaced itself.
type Spawned struct {
	ID    RunID
	Pid   int
	At    time.Time
	Ready bool // it daemonizes itself, and says so: it is up
}

// SpawnFailed says that the run has no process and never will.
type SpawnFailed struct {
	ID  RunID
	Err error
	At  time.Time
}

// Shortage tells whether the machine was short of something, so that the command is not to blame and a later start may succeed.
func Shortage(err error) bool { return osproc.Shortage(err) }

// Stuck says that the start does not return: a directory or program on a dead mount. Spawned or SpawnFailed still follows.
type Stuck struct {
	ID   RunID
	What string
}

// MainGone says that the main process ended and others of its group live on. They have been sent TERM.
type MainGone struct {
	ID     RunID
	Status osproc.Status
	At     time.Time
}

// Ended says that the run is over. At is when its main process ended.
type Ended struct {
	ID     RunID
	Status osproc.Status
	At     time.Time
}

func (Spawned) note()     {}
func (SpawnFailed) note() {}
func (Stuck) note()       {}
func (MainGone) note()    {}
func (Ended) note()       {}
