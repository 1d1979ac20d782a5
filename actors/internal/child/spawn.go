package child

import (
	"errors"
	"os"
	"slices"
	"time"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
	"github.com/dcousineau/phorever/actors/internal/osproc"
)

const (
	// mostSpawners is how many forks are prepared at once. See osproc for how many are made.
	mostSpawners = 3
	// stuckAfter is when a start that does not return is announced and no longer counts as a spawner at work.
	stuckAfter = 5 * time.Second
)

// moreSpawners starts a goroutine for the queue if there may be one more. The caller holds t.mu. There are no idle ones.
func (t *Table) moreSpawners() {
	if len(t.waiting) > 0 && t.spawners-t.stuck < mostSpawners {
		t.spawners++
		go t.spawner()
	}
}

func (t *Table) spawner() {
	for {
		t.mu.Lock()
		if len(t.waiting) == 0 || t.quiet || t.spawners-t.stuck > mostSpawners {
			t.spawners--
			t.mu.Unlock()
			return
		}
		next := slices.IndexFunc(t.waiting, t.mayStart)
		if next < 0 {
			t.spawners--
			t.mu.Unlock()
			return
		}
		r := t.waiting[next]
		t.waiting = slices.Delete(t.waiting, next, next+1)
		if r.plan.Alone && t.alone == nil {
			t.alone = r
		}
		t.mu.Unlock()
		t.spawn(r)
	}
}

// mayStart tells whether a run does not have to wait for another. The caller holds t.mu.
func (t *Table) mayStart(r *run) bool { return !r.plan.Alone || t.alone == nil || r.killed }

// afterAlone lets the next one start that is to be alone, if r was. The times at which processes began are told in ticks: what is in
// the background by now is not to look as young as what comes. The caller holds t.mu.
func (t *Table) afterAlone(r *run) {
	if t.alone != r {
		return
	}
	const ticks = 20 * time.Millisecond
	time.AfterFunc(ticks, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.alone == r {
			t.alone = nil
			t.moreSpawners()
		}
	})
}

// spawn makes one attempt. However long it takes, exactly one Spawned or SpawnFailed comes of it, and none when another daemon goes on.
func (t *Table) spawn(r *run) {
	done, stuck := false, false
	what := r.id.Clone // what it hangs on, for people
	timer := time.AfterFunc(stuckAfter, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if done {
			return
		}
		stuck = true
		t.stuck++
		t.moreSpawners()
		r.tell(Stuck{r.id, what})
	})
	if t.starting != nil {
		t.starting()
	}
	t.awaitQuiet(r.id.Clone)
	t.pump.Yield()
	started, err := t.launch(r, &what)
	timer.Stop()
	now := time.Now()

	t.mu.Lock()
	defer t.mu.Unlock()
	done = true
	if stuck {
		t.stuck--
	}
	if errors.Is(err, errLeaving) {
		return // as if it were still waiting: the next daemon finds that nothing was forked
	}
	if err != nil {
		t.parent.failed(r)
		t.afterAlone(r)
		r.tell(SpawnFailed{r.id, err, now})
		return
	}
	t.take(r, started)
	t.forks.end(started.fork)
	t.save(r)
	if r.service == nil {
		r.tell(Spawned{ID: r.id, Pid: r.process.Pid(), At: now})
	}
	if r.service != nil {
		go t.limit(r)
		go t.witness(r)
	}
	if r.killed {
		t.killWhole(r)
	}
	if err := t.parent.watch(r); err != nil {
		go t.unwatched(r) // not here: a process that KILL does not reach yet must not keep a spawner
	}
}

// errLeaving is why there is no fork: what begins now would be known to nobody.
var errLeaving = errors.New("another daemon goes on")

// take puts what was started into the run. The caller holds t.mu.
func (t *Table) take(r *run, s *started) {
	r.process, r.streams, r.cgroup = s.process, s.out.streams, s.cgroup
	t.pids[r.process.Pid()] = r
	r.saved = s.saved
	r.saved.Pid, r.saved.Start, r.saved.Leftover = r.process.Pid(), s.start, r.plan.Leftover
	if s.saved.Daemonizes != nil {
		r.saved.Leader = r.process.Pid()
		r.service = &service{Daemonizes: *s.saved.Daemonizes, since: time.Now(), began: s.start}
		t.services[r.id] = r
		_ = t.parent.whole(r) // it is known by its first process, which leaves
	}
}

// started is what came of a launch.
type started struct {
	process *osproc.Process
	fork    chan struct{} // under way until it is in the table
	start   uint64
	out     *output
	cgroup  *osproc.Cgroup
	saved   saved
}

func (t *Table) launch(r *run, what *string) (*started, error) {
	if err := t.doubted(r.id.Clone); err != nil {
		return nil, err
	}
	if err := t.parent.reserve(r); err != nil {
		return nil, err
	}
	if err := failpoint.At("spawn.reserved"); err != nil {
		return nil, err
	}
	launch, err := r.plan.Prepare(r.id)
	defer launch.close()
	if err != nil {
		return nil, err
	}
	if _, seen := t.parent.(*kept); launch.Daemonizes != nil && !seen {
		return nil, errUnseen
	}
	command := launch.Command
	for _, path := range []string{command.Dir, command.Path} {
		t.mu.Lock()
		*what = path
		t.mu.Unlock()
		osproc.Reach(path)
	}
	if t.key != "" {
		command.Env = append(command.Env[:len(command.Env):len(command.Env)], t.mark(r.id))
	}
	if launch.Stdin != nil {
		command.Stdin = int(launch.Stdin.Fd())
	}
	command.Cloneflags |= t.parent.cloneflags()
	command.Forkers = t.forkers
	s := &started{saved: saved{Daemonizes: launch.Daemonizes}}
	if command.Credential != nil {
		s.saved.User = command.Credential.Uid
	}
	if s.cgroup, err = launch.Cgroup.make(t.key, r.id); err != nil {
		return nil, err
	}
	if s.cgroup != nil {
		s.saved.Cgroup, command.Shim.Cgroup = s.cgroup.Path, s.cgroup.Path
	}
	if s.out, err = t.openOutput(r.id, launch, &s.saved); err != nil {
		return nil, err
	}
	command.Stdout, command.Stderr = s.out.stdout, s.out.stderr
	if launch.RawStdout != nil {
		command.Stdout = int(launch.RawStdout.Fd())
	}
	if t.key != "" {
		t.mu.Lock()
		r.saved = s.saved
		t.save(r) // whoever comes after us knows of the fork
		t.mu.Unlock()
		t.parent.announce()
		t.awaitWritten()
	}
	fork, ok := t.forks.begin()
	if !ok {
		return nil, errLeaving
	}
	s.fork = fork
	if err = failpoint.At("spawn.fork"); err == nil {
		s.process, err = osproc.Spawn(command)
	}
	s.out.closeChildEnds()
	if err != nil {
		t.forks.end(s.fork)
		s.out.abandon()
		if s.cgroup != nil {
			_ = s.cgroup.Remove()
		}
		return nil, err
	}
	_ = failpoint.At("spawn.forked")
	s.start = s.process.StartTime()
	t.parent.started(r, s.process)
	_ = failpoint.At("spawn.told")
	return s, nil
}

// close closes the files that were for the child alone.
func (l *Launch) close() {
	for _, file := range []*os.File{l.Stdin, l.RawStdout} {
		if file != nil {
			_ = file.Close()
		}
	}
}
