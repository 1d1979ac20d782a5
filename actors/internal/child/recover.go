package child

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/logs"
	"github.com/dcousineau/phorever/actors/internal/osproc"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
	"github.com/dcousineau/phorever/actors/keeper"
)

// recovery takes back what an earlier daemon has left: by the keeper's list, by what was written down, and by the mark in
// the environment. A number alone proves nothing: it is a process only together with its start time.
type recovery struct {
	table *Table
	kept  *kept
	o     Kept
	saved map[RunID]saved
	left  map[RunID]bool
	marks map[RunID][]marked // living processes by their mark, once they were looked for
	err   error              // of a process of which it could not be told whether it lives
}

func newRecovery(t *Table, k *kept, o Kept) *recovery {
	return &recovery{table: t, kept: k, o: o, saved: savedRuns(o.Saved), left: leftRuns(o.Saved)}
}

// run returns an error where it cannot be told what runs: nothing may be started then.
func (v *recovery) run() error {
	i := v.o.Inheritance
	v.endUnborn()
	if i.Generation == 1 && !v.o.Clean || len(i.Unknown) > 0 || len(i.Reserved) > 0 || len(v.left) > 0 {
		v.findMarks()
	}
	v.table.mu.Lock()
	defer v.table.mu.Unlock()
	for _, r := range i.Runs {
		if id, ok := parseRunID(r.ID); ok {
			v.takeBack(id, v.saved[id], r.Pid, r.Start)
			if taken := v.table.runs[id]; taken != nil && r.Ended != 0 {
				taken.endSeen = time.Now().Add(r.Ended - pidfd.SinceBoot())
			}
		}
	}
	for id, s := range v.saved {
		if v.table.runs[id] == nil {
			v.takeSaved(id, s)
		}
	}
	if v.table.lost > 0 { // what they have started may live
		v.findMarks()
	}
	v.takeMarked()
	for _, name := range i.Reserved {
		if id, ok := parseRunID(name); !ok || v.table.runs[id] == nil {
			v.o.Link.Cancel(name)
		}
	}
	if v.err != nil {
		return v.err
	}
	v.endLeftovers()
	v.o.Link.Flush()
	return nil
}

// findMarks walks through /proc once.
func (v *recovery) findMarks() {
	if v.marks != nil {
		return
	}
	v.marks = map[RunID][]marked{}
	walkMarks(v.o.Key, func(id RunID, m marked) {
		if m.pid != v.o.Inheritance.Keeper {
			v.marks[id] = append(v.marks[id], m)
		}
	})
}

// takeSaved takes a run back that the keeper does not know: it is another keeper, or the daemon died right after the fork.
func (v *recovery) takeSaved(id RunID, s saved) {
	if s.Over {
		r := &run{id: id, saved: s}
		v.rejoin(r)
		v.table.forgetWhenRead(id, r.streams)
		return
	}
	if s.Pid != 0 {
		v.takeBack(id, s, s.Pid, s.Start)
		if v.table.pids[s.Pid] != nil {
			v.add(id, s.Pid, s.Start)
		}
		return
	}
	if main, ok := v.mainOf(id); ok {
		v.add(id, main.pid, main.start)
		v.takeBack(id, s, main.pid, main.start)
		return
	}
	if child, ok := v.onlyZombie(id); ok {
		v.add(id, child.Pid, child.Start)
		v.takeBack(id, s, child.Pid, child.Start)
		return
	}
	v.table.saving.Delete(runKey(id)) // its fork never happened
}

// mainOf is the process that leads what carries the mark of a run: the oldest session leader.
func (v *recovery) mainOf(id RunID) (best marked, ok bool) {
	for _, m := range v.marks[id] {
		if m.leader && (!ok || m.start < best.start || m.start == best.start && m.pid < best.pid) {
			best, ok = m, true
		}
	}
	return best, ok
}

// onlyZombie is the child that a daemon has forked and did not live to name, and that has ended since: its environment is
// gone, but where there was one fork alone it can only be that.
func (v *recovery) onlyZombie(id RunID) (only keeper.Child, ok bool) {
	i := v.o.Inheritance
	if len(i.Reserved) != 1 || i.Reserved[0] != id.String() {
		return only, false
	}
	for _, child := range i.Unknown {
		if child.Zombie && child.Session == child.Pid {
			if ok {
				return only, false
			}
			only, ok = child, true
		}
	}
	return only, ok
}

// add tells the keeper of a process that it did not know.
func (v *recovery) add(id RunID, pid int, start uint64) {
	v.o.Link.Add(id.String(), pid, start, v.foreign(pid))
}

func (v *recovery) foreign(pid int) bool {
	info, _ := pidfd.ReadInfo(pid)
	return info.Parent != v.o.Inheritance.Keeper
}

// adopt tries for a while when the machine is short of what it takes to look: to take a process that lives for one that does
// not is how it gets a second copy.
func (v *recovery) adopt(pid int, start uint64) (process *osproc.Process, err error) {
	for begin := time.Now(); ; <-time.After(lookAgain) {
		process, err = osproc.Adopt(pid, start)
		if err == nil || errors.Is(err, pidfd.ErrGone) || errors.Is(err, pidfd.ErrStranger) || time.Since(begin) > lookFor {
			return process, err
		}
	}
}

const (
	lookAgain = 20 * time.Millisecond
	lookFor   = 3 * time.Second
)

// takeBack makes an entry of a process that the keeper knows.
func (v *recovery) takeBack(id RunID, s saved, pid int, start uint64) {
	t := v.table
	s.Pid, s.Start = pid, start
	r := &run{id: id, plan: Plan{Leftover: s.Leftover}, hurry: make(chan struct{}), saved: s}
	process, err := v.adopt(pid, start)
	switch {
	case err == nil:
	case errors.Is(err, pidfd.ErrGone) || errors.Is(err, pidfd.ErrStranger):
		if !v.takeRest(id, s) {
			v.lost(id, s)
		}
		return
	default:
		v.err = errors.Join(v.err, fmt.Errorf("%s, process %d: %w", id, pid, err))
		return
	}
	r.process = process
	r.foreign = v.foreign(pid)
	t.runs[id], t.pids[pid] = r, r
	t.taken++
	if s.Cgroup != "" {
		r.cgroup = osproc.OpenCgroup(s.Cgroup)
	}
	since := pidfd.StartedAt(start)
	if s.Daemonizes != nil {
		r.service = &service{Daemonizes: *s.Daemonizes, since: time.Now(), began: start, found: pid != s.Leader}
		t.services[id] = r
	}
	if r.service != nil {
		known := v.knowSaved(r)
		if r.service.found {
			known.know(osproc.Member{Pid: pid, Start: start})
		}
	}
	v.rejoin(r)
	_ = t.parent.watch(r)
	_, known := v.saved[id]
	r.unread = !known
	ended := process.Ended() && (r.service == nil || r.service.found) // else it has left, as it should
	t.found = append(t.found, Recovered{ID: id, Pid: pid, Since: since, Ended: ended, Replaceable: r.service != nil})
	t.save(r)
	if r.service == nil || r.service.found {
		r.last = Spawned{ID: id, Pid: pid, At: since, Ready: r.service != nil}
	} else {
		go t.limit(r)
		go t.witness(r)
	}
}

// lost makes an entry of a run that has ended while nobody could see how.
func (v *recovery) lost(id RunID, s saved) {
	t := v.table
	r := &run{id: id, hurry: make(chan struct{}), saved: s}
	r.last = Ended{id, osproc.Status{Lost: true}, time.Now()}
	t.runs[id] = r
	t.lost++
	t.found = append(t.found, Recovered{ID: id, Ended: true})
	r.unawaited = true
	v.rejoin(r) // what it has left in its FIFO
	v.o.Link.Del(id.String())
}

// rejoin reads on from the FIFOs of a run.
func (v *recovery) rejoin(r *run) {
	if err := v.table.rejoin(r); err != nil {
		v.o.Unsaid(fmt.Sprintf("output of %s: %v", r.id, err))
	}
}

// reread reads on from the FIFOs of a run of which nothing was written down, into the files that the configuration names now.
func (t *Table) reread(r *run, plan Plan) {
	launch, err := plan.Prepare(r.id)
	if err != nil {
		return // whoever starts it the next time says why
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r.saved.Stdout, r.saved.Stderr = t.streamsOf(r.id, launch)
	_ = t.rejoin(r)
	t.save(r)
}

// rejoin reads on from the FIFOs of a run. The caller holds t.mu.
func (t *Table) rejoin(r *run) error {
	var all error
	for _, s := range []*savedStream{r.saved.Stdout, r.saved.Stderr} {
		if s == nil || s.FileOptions == nil {
			continue
		}
		read, err := t.pump.Rejoin(s.Name)
		if err == nil {
			var stream *logs.Stream
			if stream, err = t.attachStream(read, s, t.pump.Counter(r.id.Clone)); err == nil {
				r.streams = append(r.streams, stream)
				continue
			}
			_ = unix.Close(read)
		}
		if !isAbsent(err) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// takeMarked takes back what carries our mark and was written down nowhere: the state is lost, the processes are not.
func (v *recovery) takeMarked() {
	t := v.table
	latest := map[string]RunID{}
	for id := range v.marks {
		if t.runs[id] != nil {
			continue
		}
		if known, ok := latest[id.Clone]; !ok || id.Run > known.Run {
			latest[id.Clone] = id
		}
	}
	for id := range t.runs {
		if r := t.runs[id]; r.process != nil {
			delete(latest, id.Clone) // one is enough
		}
	}
	for _, id := range latest {
		if _, known := v.saved[id]; known || v.left[id] {
			continue
		}
		if main, ok := v.mainOf(id); ok && t.pids[main.pid] == nil {
			v.add(id, main.pid, main.start)
			v.takeBack(id, saved{Leftover: defaultLeftover}, main.pid, main.start)
		}
	}
}

// Recovered is a run that was found when the table was made.
type Recovered struct {
	ID    RunID
	Pid   int // 0: it had ended, and nobody saw how
	Since time.Time
	Ended bool // of which the table's owner is told as of any other end
	// Replaceable is one that daemonizes itself: it may be told of a process that has taken its place instead.
	Replaceable bool
}

// Recovered are the runs that were found when the table was made.
func (t *Table) Recovered() []Recovered { return t.found }

func isAbsent(err error) bool { return err == nil || errors.Is(err, fs.ErrNotExist) }
