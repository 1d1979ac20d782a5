package child

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

func TestARunTellsItsStartAndItsEnd(t *testing.T) {
	table := newTable(t, Direct{})
	id, before := RunID{"web:1", 13}, time.Now()
	e := begin(table, id, Launch{Command: shell("exit 7")})
	ended, spawned := await[Ended](t, e), await[Spawned](t, e)
	wantStory(t, "Spawned Ended", e)
	want(t, "run that started", id, spawned.ID)
	want(t, "run that ended", id, ended.ID)
	want(t, "status", Status{Code: 7}, how(ended.Status))
	if spawned.Pid <= 0 || spawned.At.Before(before) || ended.At.Before(before) {
		t.Errorf("it began at %v: %+v, %+v", before, spawned, ended)
	}
	want(t, "runs before the release", 1, table.Live())
	table.Release(id)
	want(t, "runs after the release", 0, table.Live())
	want(t, "name", "web:1#13", id.String())
}

func TestAnEndThatNobodySawWaitsForWhoeverAttaches(t *testing.T) {
	table, id := newTable(t, Direct{}), RunID{"web:1", 1}
	c := shell("read line; exit 7")
	open := gate(t, &c)
	first := begin(table, id, Launch{Command: c})
	await[Spawned](t, first)
	table.Detach(id)
	open()
	eventually(t, "the run is over", func() bool { return table.last(id) != nil && isLast(table.last(id)) })
	for range 2 { // it is kept until it is released
		later := newEar()
		table.Attach(id, neverAgain(t), later.hear)
		want(t, "status", Status{Code: 7}, how(await[Ended](t, later).Status))
		wantStory(t, "Ended", later)
	}
	wantStory(t, "Spawned", first)
}

// neverAgain is the plan of a run that is held already.
func neverAgain(t *testing.T) Plan {
	return Plan{Prepare: func(id RunID) (Launch, error) {
		t.Errorf("%s is started again", id)
		return Launch{}, errors.New("started again")
	}}
}

func TestARunDoesNotNoticeThatItsActorComesBack(t *testing.T) {
	table, id := newTable(t, Direct{}), RunID{"web:1", 1}
	c := shell("read line; exit 7")
	open := gate(t, &c)
	first, second := begin(table, id, Launch{Command: c}), newEar()
	pid := await[Spawned](t, first).Pid
	table.Detach(id)
	table.Detach(id)
	table.Release(id) // only what has ended can be forgotten
	want(t, "runs", 1, table.Live())
	table.Attach(id, neverAgain(t), second.hear)
	want(t, "pid", pid, await[Spawned](t, second).Pid)
	open()
	await[Ended](t, second)
	wantStory(t, "Spawned", first)
	wantStory(t, "Spawned Ended", second)
}

func TestTheLatestOfTwoHearsEverything(t *testing.T) {
	table, id := newTable(t, Direct{}), RunID{"web:1", 1}
	c := shell("read line")
	open := gate(t, &c)
	first, second := begin(table, id, Launch{Command: c}), newEar()
	await[Spawned](t, first)
	table.Attach(id, neverAgain(t), second.hear)
	open()
	await[Ended](t, second)
	wantStory(t, "Spawned", first)
	wantStory(t, "Spawned Ended", second)
}

func TestWhoAttachesDuringTheStartHearsOfItOnce(t *testing.T) {
	table, id := newTable(t, Direct{}), RunID{"web:1", 1}
	first, second, prepare := newEar(), newEar(), make(chan struct{})
	table.Attach(id, Plan{Prepare: func(RunID) (Launch, error) {
		<-prepare
		return Launch{Command: command("true")}, nil
	}}, first.hear)
	table.Attach(id, neverAgain(t), second.hear)
	wantStory(t, "", second)
	close(prepare)
	await[Ended](t, second)
	wantStory(t, "", first)
	wantStory(t, "Spawned Ended", second)
}

// Whoever attaches hears no note twice and none out of order, however often another takes its place.
func TestActorsThatComeAndGoLoseNothing(t *testing.T) {
	table := newTable(t, Direct{})
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			id := RunID{"web:1", i}
			var starts atomic.Int64
			plan := Plan{Prepare: func(RunID) (Launch, error) {
				starts.Add(1)
				return Launch{Command: shell("sleep 0.0$1; exit $2", string(rune('0'+i%10)), "5")}, nil
			}}
			for deadline := time.Now().Add(patience); ; {
				e := newEar()
				table.Attach(id, plan, e.hear)
				select {
				case <-e.news: // what it had been told by now, or the next thing that happens
				case <-time.After(time.Millisecond):
				}
				table.Detach(id)
				story := e.story()
				if !strings.HasPrefix("Spawned Ended", story) && story != "Ended" {
					t.Errorf("%s: one heard %q", id, story)
					return
				}
				if strings.HasSuffix(story, "Ended") {
					break
				}
				if time.Now().After(deadline) {
					t.Errorf("%s: no end in sight, the latest is %+v", id, table.last(id))
					return
				}
			}
			if starts.Load() != 1 {
				t.Errorf("%s was started %d times", id, starts.Load())
			}
		})
	}
	all.Wait()
}

func TestAStartThatFailsIsToldOnceAndAlone(t *testing.T) {
	table, directory := newTable(t, Direct{}), t.TempDir()
	file := filepath.Join(directory, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	vanished := filepath.Join(directory, "vanished")
	if err := os.Mkdir(vanished, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(vanished); err != nil {
		t.Fatal(err)
	}
	change := func(make func(*Command)) Launch {
		c := command("sleep", "1000")
		make(&c)
		return logged(c, filepath.Join(directory, "out"), filepath.Join(directory, "err"))
	}
	unprepared := errors.New("no such user")
	for i, test := range []struct {
		name   string
		launch Launch
		err    error
		want   error
		text   string
	}{
		{"no program", change(func(c *Command) { c.Path = file + "s" }), nil, fs.ErrNotExist, "no such file"},
		{"not executable", change(func(c *Command) { c.Path = file }), nil, fs.ErrPermission, "permission denied"},
		{"the directory vanished", change(func(c *Command) { c.Dir = vanished }), nil, fs.ErrNotExist, "vanished"},
		{"the directory is a file", change(func(c *Command) { c.Dir = file }), nil, syscall.ENOTDIR, "file"},
		{"not prepared", Launch{}, unprepared, unprepared, "no such user"},
		{"a log without a name", Launch{Command: command("true"), Stdout: &LogFile{}}, nil, nil, "no path"},
		{"the second log without a name", Launch{Command: command("true"), Stdout: &LogFile{Path: file}, Stderr: &LogFile{}}, nil, nil, "no path"},
	} {
		id, e := RunID{"web:1", i}, newEar()
		table.Attach(id, Plan{Prepare: func(RunID) (Launch, error) { return test.launch, test.err }}, e.hear)
		failed := await[SpawnFailed](t, e)
		if test.want != nil && !errors.Is(failed.Err, test.want) || !strings.Contains(failed.Err.Error(), test.text) {
			t.Errorf("%s: got %v", test.name, failed.Err)
		}
		if err := table.Signal(id, syscall.SIGTERM, Group); !errors.Is(err, osproc.ErrGone) {
			t.Errorf("%s: a signal: want ErrGone, got %v", test.name, err)
		}
		table.Kill(id)
		later := newEar()
		table.Attach(id, neverAgain(t), later.hear)
		wantStory(t, "SpawnFailed", e)
		wantStory(t, "SpawnFailed", later)
		table.Release(id)
	}
	want(t, "runs", 0, table.Live())
}

// Starts that hang stand in nobody's way for long, and are told to hang. What becomes of them is told in the end.
func TestStartsThatHangGiveTheirPlaceAway(t *testing.T) {
	t.Parallel() // it waits for seconds
	table := newTable(t, Direct{})
	prepare := make(chan struct{})
	var hanging []*ear
	for i := range mostSpawners {
		e := newEar()
		hanging = append(hanging, e)
		table.Attach(RunID{"hangs", i}, Plan{Prepare: func(RunID) (Launch, error) {
			<-prepare
			if i == 0 {
				return Launch{}, errors.New("the mount is dead")
			}
			if i == 1 {
				return Launch{Command: command("sleep", "1000")}, nil
			}
			return Launch{Command: shell("exit 4")}, nil
		}}, e.hear)
	}
	eventually(t, "all spawners are at work", func() bool {
		table.mu.Lock()
		defer table.mu.Unlock()
		return table.spawners == mostSpawners && len(table.waiting) == 0
	})
	begun := time.Now()
	behind := begin(table, RunID{"web:1", 1}, Launch{Command: shell("exit 5")})
	table.Kill(RunID{"hangs", 1})
	want(t, "status", 5, await[Ended](t, behind).Status.Code)
	if waited := time.Since(begun); waited < stuckAfter/2 {
		t.Errorf("it was started after %v, though %d were being started", waited, mostSpawners)
	}
	for i, e := range hanging {
		want(t, "what hangs", "hangs", await[Stuck](t, e).What)
		if i == 2 { // whoever comes later hears that too
			later := newEar()
			table.Attach(RunID{"hangs", i}, neverAgain(t), later.hear)
			wantStory(t, "Stuck", later)
			table.Attach(RunID{"hangs", i}, neverAgain(t), func(note Note) {
				if _, again := note.(Stuck); !again {
					e.hear(note)
				}
			})
		}
	}
	close(prepare)
	await[SpawnFailed](t, hanging[0])
	wantStory(t, "Stuck SpawnFailed", hanging[0])
	want(t, "end of the one that was killed meanwhile", bySignal(syscall.SIGKILL), how(await[Ended](t, hanging[1]).Status))
	for _, e := range hanging[2:] {
		want(t, "status", 4, await[Ended](t, e).Status.Code)
		wantStory(t, "Stuck Spawned Ended", e)
	}
	eventually(t, "the spawners are gone", func() bool {
		table.mu.Lock()
		defer table.mu.Unlock()
		return table.spawners == 0 && table.stuck == 0
	})
}

func TestNoMoreThanTheSpawnersPrepareAtOnce(t *testing.T) {
	table := newTable(t, Direct{})
	var now, most atomic.Int64
	full, once := make(chan struct{}), sync.Once{}
	plan := Plan{Prepare: func(RunID) (Launch, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == mostSpawners {
			once.Do(func() { close(full) })
		}
		<-full
		return Launch{Command: command("true")}, nil
	}}
	var ears []*ear
	for i := range 5 * mostSpawners {
		e := newEar()
		ears = append(ears, e)
		table.Attach(RunID{"web:1", i}, plan, e.hear)
	}
	for _, e := range ears {
		await[Ended](t, e)
	}
	want(t, "most at once", mostSpawners, most.Load())
}
