package child

import (
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors/internal/logs"
	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// Launch is everything that one start needs, resolved for this start.
type Launch struct {
	Command osproc.Command
	Stdout  *logs.FileOptions // nil discards
	Stderr  *logs.FileOptions
	Lines   *logs.Counter
}

// Plan says how to start a run. Prepare is called on a goroutine where it may read files; it may be slow.
type Plan struct {
	Prepare func(RunID) (Launch, error)
	// Leftover is how long what an unexpectedly ended main process leaves behind may take to obey TERM.
	Leftover time.Duration
}

// Table is the live processes. Its methods are safe for concurrent use.
type Table struct {
	loop   *osproc.Loop
	pump   *logs.Pump
	parent osproc.Parent

	mu       sync.Mutex
	runs     map[RunID]*run
	waiting  []*run // to be spawned, oldest first
	spawners int    // at work
	stuck    int    // of those, the ones that do not count
}

// run is one entry; its fields are guarded by Table.mu.
type run struct {
	id       RunID
	plan     Plan
	notify   func(Note)
	last     Note // told again to whoever attaches late
	process  *osproc.Process
	streams  []*logs.Stream
	ordered  bool          // its end was ordered
	killed   bool          // KILL was ordered, perhaps before there was a process to kill
	hurry    chan struct{} // closed with killed, for whoever ends the leftovers
	leftover bool          // they are being ended
}

// NewTable makes an empty table that starts processes as children of parent.
func NewTable(parent osproc.Parent) (*Table, error) {
	osproc.HandleIgnored()
	loop, err := osproc.NewLoop()
	if err != nil {
		return nil, fmt.Errorf("process loop: %w", err)
	}
	pump, err := logs.NewPump()
	if err != nil {
		loop.Close()
		return nil, fmt.Errorf("log pump: %w", err)
	}
	return &Table{loop: loop, pump: pump, parent: parent, runs: map[RunID]*run{}}, nil
}

// Attach makes notify the receiver of the run's notes, starting the run if the table does not hold it. A run that is
// held tells its latest note again. notify must not block and must not call the table.
func (t *Table) Attach(id RunID, plan Plan, notify func(Note)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.runs[id]; r != nil {
		r.notify = notify
		if r.last != nil {
			notify(r.last)
		}
		return
	}
	r := &run{id: id, plan: plan, notify: notify, hurry: make(chan struct{})}
	t.runs[id] = r
	t.waiting = append(t.waiting, r)
	t.moreSpawners()
}

// Detach forgets the receiver of the run's notes. An end that nobody is attached to see waits for the next Attach.
func (t *Table) Detach(id RunID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.runs[id]; r != nil {
		r.notify = nil
	}
}

// Release forgets an ended run, after its end was taken note of.
func (t *Table) Release(id RunID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.runs[id]; r != nil {
		switch r.last.(type) {
		case Ended, SpawnFailed:
			delete(t.runs, id)
		}
	}
}

// Signal sends a signal to the main process, or to its whole group. A run without a process answers osproc.ErrGone.
func (t *Table) Signal(id RunID, signal syscall.Signal, group bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.runs[id]
	if r == nil || r.process == nil {
		return osproc.ErrGone
	}
	if group {
		return r.process.SignalGroup(signal)
	}
	return r.process.Signal(signal)
}

// Stop is Signal with the note that the end is ordered: leftovers then have until Kill.
func (t *Table) Stop(id RunID, signal syscall.Signal, group bool) error {
	t.mu.Lock()
	if r := t.runs[id]; r != nil {
		r.ordered = true
	}
	t.mu.Unlock()
	return t.Signal(id, signal, group)
}

// Kill ends the run and everything in its group at once, also one that is only being started or whose main process has
// gone already.
func (t *Table) Kill(id RunID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.runs[id]
	if r == nil {
		return
	}
	if !r.killed {
		r.killed = true
		close(r.hurry)
	}
	if r.process != nil && !r.leftover { // else whoever spawns it, or ends the leftovers, does it
		_ = r.process.SignalGroup(syscall.SIGKILL) // gone already: its end is on the way
	}
}

// Live is how many runs the table holds.
func (t *Table) Live() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.runs)
}

// Reopen opens every log file anew, for logrotate.
func (t *Table) Reopen() { t.pump.Reopen() }

// Close ends the loops. Every run must have ended.
func (t *Table) Close() {
	t.loop.Close()
	t.pump.Close()
}

// tell hands a note to whoever is attached. The caller holds t.mu.
func (r *run) tell(note Note) {
	r.last = note
	if r.notify != nil {
		r.notify(note)
	}
}
