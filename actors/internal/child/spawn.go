package child

import (
	"fmt"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors/internal/logs"
	"github.com/dcousineau/phorever/actors/internal/osproc"
)

const (
	// mostSpawners is how many forks are prepared at once. The fork itself is serialised by the Go runtime.
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
		if len(t.waiting) == 0 || t.spawners-t.stuck > mostSpawners {
			t.spawners--
			t.mu.Unlock()
			return
		}
		r := t.waiting[0]
		t.waiting[0] = nil
		t.waiting = t.waiting[1:]
		t.mu.Unlock()
		t.spawn(r)
	}
}

// spawn makes one attempt. However long it takes, exactly one Spawned or SpawnFailed comes of it.
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
	process, streams, err := t.launch(r, &what)
	timer.Stop()
	now := time.Now()

	t.mu.Lock()
	defer t.mu.Unlock()
	done = true
	if stuck {
		t.stuck--
	}
	if err != nil {
		r.tell(SpawnFailed{r.id, err, now})
		return
	}
	r.process, r.streams = process, streams
	r.tell(Spawned{r.id, process.Pid(), now})
	if r.killed {
		_ = process.SignalGroup(syscall.SIGKILL)
	}
	if err := t.loop.Watch(process, func(status osproc.Status) { t.mainEnded(r, status) }); err != nil {
		go t.unwatched(r) // not here: a process that KILL does not reach yet must not keep a spawner
	}
}

func (t *Table) launch(r *run, what *string) (*osproc.Process, []*logs.Stream, error) {
	if err := t.parent.Reserve(r.id.String()); err != nil {
		return nil, nil, fmt.Errorf("reserve: %w", err)
	}
	launch, err := r.plan.Prepare(r.id)
	if err != nil {
		return nil, nil, err
	}
	t.mu.Lock()
	*what = launch.Command.Path
	t.mu.Unlock()
	out, err := t.openOutput(launch)
	if err != nil {
		return nil, nil, err
	}
	command := launch.Command
	command.Stdout, command.Stderr = out.stdout, out.stderr
	process, err := osproc.Spawn(command)
	out.closeChildEnds()
	if err != nil {
		out.abandon()
		return nil, nil, err
	}
	t.parent.Started(r.id.String(), process)
	return process, out.streams, nil
}
