package child

import (
	"errors"
	"fmt"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// Daemonizes describes a program that puts itself into the background: what we start leaves when what is meant runs.
type Daemonizes struct {
	Pidfile string        `json:"pidfile,omitempty"` // where it writes its number; "" when it is found by descent
	Within  time.Duration `json:"within"`            // from the start until its main process is known
}

// service is what is known of such a run; its fields are guarded by Table.mu.
type service struct {
	Daemonizes
	since  time.Time
	began  uint64  // the first process, in ticks since boot
	until  uint64  // likewise, when the latest main process was seen to have ended: what it left behind is not younger. 0: it runs
	runs   program // of the main process, as last seen
	found  bool    // the main process is known; until then the run's process is the first one
	failed error
}

const (
	// firstLook is between two looks for a main process at first, laterLook after a second.
	firstLook = 10 * time.Millisecond
	laterLook = 100 * time.Millisecond
	// heirWithin is how long a main process that has ended may be succeeded by another: a program that replaces itself.
	heirWithin = 300 * time.Millisecond
)

// errUnseen is for where there is no keeper: what loses its parent there is anybody's child.
var errUnseen = errors.New("daemonizes: what puts itself into the background cannot be followed here (that needs Linux 5.4, with pidfd)")

// limit ends a program that has not left when its time is over.
func (t *Table) limit(r *run) {
	timer := time.NewTimer(r.service.Within)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.hurry:
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := r.service; !s.found && s.failed == nil && r.process.Signal(0) == nil {
		if info, ok := pidfd.ReadInfo(r.process.Pid()); ok && info.State != 'Z' {
			s.failed = fmt.Errorf("it was to put itself into the background, and has not left within %s", s.Within)
			t.killWhole(r)
		}
	}
}

// succeeded goes on with the process that has taken the place of the one that ended, if there is one. It may take as long as
// the program may.
func (t *Table) succeeded(r *run, end ending, at time.Time) bool {
	t.mu.Lock()
	s := r.service
	done := s.failed != nil || r.killed || r.ordered && s.found
	first := !s.found
	s.until = pidfd.Ticks(at)
	t.mu.Unlock()
	if done || first && (end.status.Signal != 0 || end.status.Code != 0 || end.status.Lost) {
		if first {
			_ = t.gather(r) // nobody goes on with it
		}
		return false
	}
	deadline := time.Now().Add(heirWithin)
	if first {
		deadline = s.since.Add(s.Within)
	}
	pid, err := t.seek(r, deadline, first)
	if err == nil {
		if err = t.follow(r, pid); err == nil {
			return true
		}
	}
	if first {
		if doubt := t.gather(r); doubt != nil {
			err = doubt
		}
		t.mu.Lock()
		s.failed = err
		t.mu.Unlock()
	}
	return false
}

var errHurried = errors.New("it was to end before its main process was known")

// seek looks for the main process until the deadline: the one that the pid file names and that is proven to be of this run;
// or without a pid file the one that everything else descends from.
func (t *Table) seek(r *run, deadline time.Time, first bool) (int, error) {
	old := r.process.Pid()
	whole := t.parent.whole(r).(*tree)
	started := time.Now()
	whole.members() // they are known from now on, also when they leave everything behind that tells
	before := 0
	var reason error
	for {
		if first {
			whole.knowBackground()
		}
		var pid int
		var err error
		if r.service.Pidfile != "" {
			pid, err = osproc.ReadPidFile(r.service.Pidfile)
			if err == nil && pid == old {
				pid, err = 0, fmt.Errorf("pid file %s: still names process %d, which has ended", r.service.Pidfile, pid)
			}
			if err == nil {
				err = whole.proves(pid, r.service.Pidfile)
			}
			if err == nil {
				return pid, nil
			}
		} else if pid = whole.root(first); pid != 0 && pid == before {
			return pid, nil
		}
		before, reason = pid, err
		if time.Now().After(deadline) {
			break
		}
		pause := firstLook
		if time.Since(started) > time.Second {
			pause = laterLook
		}
		look := time.NewTimer(pause)
		select {
		case <-look.C:
		case <-r.hurry:
			look.Stop()
			return 0, errHurried
		}
		if !first && !whole.alive() {
			break
		}
		t.mu.Lock()
		ordered := first && r.ordered
		t.mu.Unlock()
		if ordered { // whatever it has left in the background is ended with the rest
			return 0, errHurried
		}
	}
	switch {
	case r.service.Pidfile == "":
		reason = fmt.Errorf("nothing of it was left running")
	case reason == nil || errors.Is(reason, osproc.ErrNotYet):
		reason = fmt.Errorf("pid file %s: did not appear", r.service.Pidfile)
	}
	return 0, fmt.Errorf("%w within %s", reason, r.service.Within)
}

// proves tells what keeps a number in a pid file from being a process of this run.
func (l *tree) proves(pid int, path string) error {
	info, ok := pidfd.ReadInfo(pid)
	switch {
	case !ok || info.Ended():
		return fmt.Errorf("pid file %s: process %d does not run", path, pid)
	case l.kin.Claims(pid, info.Start):
		return nil
	}
	switch l.origin(pid, info, true) {
	case ours:
		return nil
	case doubtful:
		return fmt.Errorf("pid file %s: %w", path, doubtOf(pid))
	default:
		return fmt.Errorf("pid file %s: process %d was not started by this run; it is left alone", path, pid)
	}
}

// root is the oldest process of the tree that has lost its parent to us: what is in the background. Where nothing tells of the run any
// more it is the only one that can be of it. 0 when there is none.
func (l *tree) root(first bool) int {
	best := osproc.Member{}
	for _, m := range l.members() {
		info, ok := pidfd.ReadInfo(m.Pid)
		if !ok || info.Start != m.Start || l.exact && info.Parent != l.kept.self {
			continue
		}
		if best.Pid == 0 || m.Start < best.Start || m.Start == best.Start && m.Pid < best.Pid {
			best = m
		}
	}
	if best.Pid != 0 || !first {
		return best.Pid
	}
	if mine, _ := l.background(); len(mine) == 1 {
		return mine[0].Pid
	}
	return 0
}

// follow makes a process the main one of the run.
func (t *Table) follow(r *run, pid int) error {
	info, ok := pidfd.ReadInfo(pid)
	if !ok {
		return fmt.Errorf("process %d has ended", pid)
	}
	process, err := osproc.Adopt(pid, info.Start)
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	if whole, ok := t.parent.whole(r).(*tree); ok {
		whole.kin.Know(pid, info.Start, info.Session)
		if !info.Led(r.saved.Leader) {
			whole.kin.Leaderless()
		}
	}
	runs := programOf(pid)
	t.mu.Lock()
	defer t.mu.Unlock()
	old := r.process
	r.service.runs = runs
	if t.pids[old.Pid()] == r {
		delete(t.pids, old.Pid())
	}
	r.process, r.service.found = process, true
	t.pids[pid] = r
	r.saved.Pid, r.saved.Start, r.saved.Known = pid, info.Start, nil
	t.save(r)
	t.parent.started(r, process)
	_ = t.parent.watch(r)
	old.Reaped()
	r.tell(Spawned{ID: r.id, Pid: pid, At: time.Now(), Ready: true})
	if r.killed {
		t.killWhole(r)
	}
	return nil
}
