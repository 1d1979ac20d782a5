package child

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors/internal/logs"
	"github.com/dcousineau/phorever/actors/internal/osproc"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
	"github.com/dcousineau/phorever/actors/keeper"
)

// Launch is everything that one start needs, resolved for this start.
type Launch struct {
	Command    osproc.Command
	Stdin      *os.File          // nil: nothing is there; it is closed when the fork is over
	RawStdout  *os.File          // in place of Stdout, likewise
	Stdout     *logs.FileOptions // nil discards
	Stderr     *logs.FileOptions
	Lines      *logs.Counter // nil: that of the clone
	Daemonizes *Daemonizes
	Cgroup     *Cgroup
}

// Plan says how to start a run. Prepare is called on a goroutine where it may read files; it may be slow.
type Plan struct {
	Prepare func(RunID) (Launch, error)
	// Leftover is how long what an unexpectedly ended main process leaves behind may take to obey TERM.
	Leftover time.Duration
	// Alone says that it puts itself into the background and tells nobody as which process: such programs are started one after the
	// other, so that what turns up there can only be of one.
	Alone bool
}

// Scope is who gets a signal.
type Scope int

// The scopes of a signal.
const (
	Main  Scope = iota // the main process
	Group              // its process group
	Tree               // all that descends from it
)

// Table is the live processes. Its methods are safe for concurrent use.
type Table struct {
	pump     *logs.Pump
	parent   parent
	saving   Saving
	key      string // of the configuration: the first part of a run's mark
	files    sharing
	forkers  *osproc.Forkers
	starting func() // nil, or called for each start

	mu       sync.Mutex
	runs     map[RunID]*run
	pids     map[int]*run               // by the pid of the main process, until the run is released
	busy     map[string]*occupied       // clones of which something is being ended
	doubts   map[string][]osproc.Member // by clone, what may be of it and is no run's; nothing of it is started beside that
	services map[RunID]*run             // of the runs, those that put themselves into the background
	past     []life                     // of runs that have ended, as far as they matter
	waiting  []*run                     // to be spawned, oldest first
	alone    *run                       // starts now, and must be the only one of its kind that does
	spawners int                        // at work
	stuck    int                        // of those, the ones that do not count
	forks    forks
	walks    walks
	found    []Recovered
	taken    int
	lost     int
	quiet    bool // nothing is started any more
}

// run is one entry; its fields are guarded by Table.mu.
type run struct {
	id        RunID
	plan      Plan
	notify    func(Note)
	last      Note // told again to whoever attaches late
	process   *osproc.Process
	streams   []*logs.Stream
	ordered   bool          // its end was ordered
	killed    bool          // KILL was ordered, perhaps before there was a process to kill
	hurry     chan struct{} // closed with killed, for whoever ends the leftovers
	leftover  bool          // they are being ended
	saved     saved
	service   *service // of a program that daemonizes itself
	cgroup    *osproc.Cgroup
	told      *osproc.Process // whose end was told
	endSeen   time.Time       // when its process had ended already as it was taken back, for the keeper saw that
	foreign   bool            // not the keeper's child
	unawaited bool            // its end is told before its lines are read
	unread    bool            // it was taken back, and nobody knows where its lines are to go
	left      func()          // lets others of its clone start: it is a stray
	kin       *osproc.Kin     // guarded by the keeper's side; made when it is asked for
}

// NewTable makes an empty table that starts processes as children of parent, of whose trees it sees the process groups.
func NewTable(parent osproc.Parent) (*Table, error) {
	osproc.HandleIgnored()
	loop, err := osproc.NewLoop()
	if err != nil {
		return nil, fmt.Errorf("process loop: %w", err)
	}
	pump, err := logs.NewPump(nil)
	if err != nil {
		loop.Close()
		return nil, fmt.Errorf("log pump: %w", err)
	}
	t := makeTable(pump, nowhere{}, "", nil)
	t.parent = direct{t, loop, parent}
	return t, nil
}

func makeTable(pump *logs.Pump, saving Saving, key string, words *os.File) *Table {
	return &Table{
		pump: pump, saving: saving, key: key, runs: map[RunID]*run{}, pids: map[int]*run{}, busy: map[string]*occupied{}, services: map[RunID]*run{},
		doubts: map[string][]osproc.Member{}, forkers: osproc.NewForkers(mostSpawners, words),
	}
}

// Attach makes notify the receiver of the run's notes, starting the run if the table does not hold it. A run that is
// held tells its latest note again. notify must not block and must not call the table.
func (t *Table) Attach(id RunID, plan Plan, notify func(Note)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.runs[id]; r != nil {
		t.attach(r, plan, notify)
		return
	}
	r := &run{id: id, plan: plan, notify: notify, hurry: make(chan struct{})}
	t.runs[id] = r
	t.waiting = append(t.waiting, r)
	t.moreSpawners()
}

// attach makes notify the receiver of the notes of a run that the table holds. The caller holds t.mu.
func (t *Table) attach(r *run, plan Plan, notify func(Note)) {
	r.notify = notify
	if r.plan.Prepare == nil { // it was taken back
		r.plan = plan
	}
	if r.unread {
		r.unread = false
		go t.reread(r, plan)
	}
	if r.last != nil {
		notify(r.last)
	}
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
			t.remove(r)
		}
	}
}

// remove forgets a run of which nothing is left. The caller holds t.mu.
func (t *Table) remove(r *run) {
	delete(t.runs, r.id)
	delete(t.services, r.id)
	t.remember(r)
	if r.process != nil && t.pids[r.process.Pid()] == r {
		delete(t.pids, r.process.Pid())
	}
	t.parent.release(r)
	t.forget(r)
	if r.left != nil {
		go r.left()
	}
}

// Signal sends a signal. A run without a process answers osproc.ErrGone.
func (t *Table) Signal(id RunID, signal syscall.Signal, scope Scope) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.runs[id]
	if r == nil || r.process == nil || r.service != nil && !r.service.found {
		return osproc.ErrGone
	}
	return t.signal(r, signal, scope)
}

// signal is Signal of a run that has a process. The caller holds t.mu.
func (t *Table) signal(r *run, signal syscall.Signal, scope Scope) error {
	switch scope {
	case Group:
		return r.process.SignalGroup(signal)
	case Tree:
		whole := t.parent.whole(r)
		go func() { _ = whole.signal(signal) }() // it takes a walk through /proc
		return nil
	case Main:
	}
	return r.process.Signal(signal)
}

// Stop is Signal with the note that the end is ordered: leftovers then have until Kill.
func (t *Table) Stop(id RunID, signal syscall.Signal, scope Scope) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.runs[id]
	if r != nil {
		r.ordered = true
	}
	switch {
	case r == nil || r.process == nil:
		return osproc.ErrGone
	case r.service != nil && !r.service.found: // the first process, which is to leave anyway
		return r.process.SignalGroup(signal)
	}
	err := t.signal(r, signal, scope)
	if info, ok := pidfd.ReadInfo(r.process.Pid()); err == nil && ok && info.State == 'T' { // or it would not see that it is to end
		_ = r.process.SignalGroup(syscall.SIGCONT)
	}
	return err
}

// Kill ends the run and everything in its tree at once, also one that is only being started or whose main process has
// gone already.
func (t *Table) Kill(id RunID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.runs[id]; r != nil {
		t.kill(r)
	}
}

// kill is Kill. The caller holds t.mu.
func (t *Table) kill(r *run) {
	if !r.killed {
		r.killed = true
		close(r.hurry)
		t.moreSpawners() // it waits no longer to be alone
	}
	if r.process != nil && !r.leftover { // else whoever spawns it, or ends the leftovers, does it
		t.killWhole(r)
	}
}

// killWhole kills the main process at once, and its tree as soon as that was found. The caller holds t.mu.
func (t *Table) killWhole(r *run) {
	_ = r.process.SignalGroup(syscall.SIGKILL) // gone already: its end is on the way
	whole := t.parent.whole(r)
	go whole.kill()
}

// Flush has everything done at once that may wait for a moment, such as the reaping of what was released.
func (t *Table) Flush() { t.parent.announce() }

// Live is how many runs the table holds.
func (t *Table) Live() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.runs)
}

// Lines is the count of what a clone writes, over all its runs.
func (t *Table) Lines(clone string) *logs.Counter { return t.pump.Counter(clone) }

// Reopen opens every log file anew, for logrotate.
func (t *Table) Reopen() { t.pump.Reopen() }

// Close ends the loops. Every run must have ended.
func (t *Table) Close() {
	t.parent.close()
	t.forkers.Close()
	t.pump.Close()
}

// tell hands a note to whoever is attached. The caller holds t.mu.
func (r *run) tell(note Note) {
	r.last = note
	if r.notify != nil {
		r.notify(note)
	}
}

// Link is the way to a keeper.
type Link = *keeper.Link

// Taken is how many runs were taken back from an earlier daemon, and how many of them had ended while nobody could see how.
func (t *Table) Taken() (taken, lost int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.taken, t.lost
}

// Quiesce stops the starting of processes and the moving of lines, for good: another daemon goes on with both.
func (t *Table) Quiesce() {
	t.mu.Lock()
	t.quiet = true
	t.mu.Unlock()
	t.forks.stop()
	t.pump.Quiesce()
}

// HandOver tells another keeper of every process and every FIFO.
func (t *Table) HandOver(link Link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, path := range t.pump.Held() {
		link.Hold(path)
	}
	for id, r := range t.runs {
		if r.process != nil {
			link.Add(id.String(), r.process.Pid(), r.saved.Start, true) // a new keeper is nobody's parent
		}
	}
	link.Flush()
}
