package child

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/logs"
	"github.com/dcousineau/phorever/actors/internal/osproc"
)

func TestThreeHundredAtOnceEndExactlyAsTheyDid(t *testing.T) {
	table := newTable(t, Direct{})
	deadly := []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGSEGV, syscall.SIGHUP, syscall.SIGUSR2}
	c := shell("") // all of them wait for the end of this one's input
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	c.Stdin = int(read.Fd())
	ears, expected := make([]*ear, 300), make([]Status, 300)
	for i := range ears {
		one := c
		if expected[i] = (Status{Code: i % 256}); i%3 == 2 {
			expected[i] = bySignal(deadly[i%len(deadly)])
			one.Argv = shell("read line; kill -$1 $$", strconv.Itoa(int(expected[i].Signal))).Argv
		} else {
			one.Argv = shell("read line; exit $1", strconv.Itoa(i%256)).Argv
		}
		ears[i] = begin(table, RunID{"web:" + strconv.Itoa(i), i}, Launch{Command: one})
	}
	pids := map[int]int{}
	for i, e := range ears {
		spawned := await[Spawned](t, e)
		if other, taken := pids[spawned.Pid]; taken {
			t.Errorf("runs %d and %d live as process %d", i, other, spawned.Pid)
		}
		pids[spawned.Pid] = i
	}
	write.Close()
	for i, e := range ears {
		ended := await[Ended](t, e)
		want(t, "run", RunID{"web:" + strconv.Itoa(i), i}, ended.ID)
		want(t, fmt.Sprint("status of ", i), expected[i], how(ended.Status))
		wantStory(t, "Spawned Ended", e)
	}
}

func TestClosingAnEmptyTable(t *testing.T) {
	before := openFiles()
	table, err := NewTable(Direct{})
	if err != nil {
		t.Fatal(err)
	}
	table.Close()
	want(t, "descriptors", fmt.Sprint(before), fmt.Sprint(openFiles()))
	table.Reopen() // a signal may come at any time

	// Whoever starts something then is told that it did not work, or that it is over.
	path := filepath.Join(t.TempDir(), "log")
	with := begin(table, RunID{"web:1", 1}, logged(command("sleep", "1000"), path, path))
	if err := await[SpawnFailed](t, with).Err; !errors.Is(err, logs.ErrClosed) {
		t.Errorf("want logs.ErrClosed, got %v", err)
	}
	without := begin(table, RunID{"web:1", 2}, Launch{Command: command("sleep", "1000")})
	want(t, "status", Status{Lost: true}, how(await[Ended](t, without).Status))
	if pid := await[Spawned](t, without).Pid; alive(pid) {
		t.Errorf("%d lives on", pid)
	}
}

// Without a keeper nobody sees where a program goes that leaves its parent: it is not started, and the others run on.
func TestDaemonizesWithoutAKeeper(t *testing.T) {
	table := newTable(t, Direct{})
	other := begin(table, RunID{"web:1", 1}, Launch{Command: command("sleep", "1000")})
	await[Spawned](t, other)
	trace := filepath.Join(t.TempDir(), "trace")
	e := begin(table, RunID{"bg:1", 1}, Launch{Command: shell("sleep 1000 & echo >" + trace), Daemonizes: &Daemonizes{Within: time.Second}})
	if err := await[SpawnFailed](t, e).Err; !errors.Is(err, errUnseen) {
		t.Errorf("want %v, got %v", errUnseen, err)
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("it was started")
	}
	wantStory(t, "Spawned", other)
}

// A start that was not at its fork when the table was left to another daemon does not fork behind its back, however late it gets there.
func TestNothingForksBehindTheNextDaemon(t *testing.T) {
	table, err := NewTable(Direct{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	trace := filepath.Join(t.TempDir(), "trace")
	prepared, leave := make(chan struct{}), make(chan struct{})
	table.Attach(RunID{"web:1", 1}, Plan{Prepare: func(RunID) (Launch, error) {
		close(prepared)
		<-leave
		return Launch{Command: shell("echo >" + trace)}, nil
	}}, func(note Note) { t.Errorf("told %v", note) })
	<-prepared
	table.forks.stop() // as Quiesce does, which leaves nothing that could be closed
	close(leave)
	eventually(t, "the start is over", func() bool {
		table.mu.Lock()
		defer table.mu.Unlock()
		return table.spawners == 0
	})
	if _, err := os.Stat(trace); err == nil {
		t.Error("it was started")
	}
}

// Every run must have ended. If not, its process lives on; nobody tells of it any more, and nothing hangs.
func TestClosingWhileAChildLives(t *testing.T) {
	table, err := NewTable(Direct{})
	if err != nil {
		t.Fatal(err)
	}
	path, id := filepath.Join(t.TempDir(), "log"), RunID{"web:1", 1}
	c := shell("echo before; read line; exit 3")
	open := gate(t, &c)
	e := begin(table, id, logged(c, path, path))
	pid := await[Spawned](t, e).Pid
	eventually(t, "its line is there", func() bool { text, _ := os.ReadFile(path); return string(text) == "before\n" })
	want(t, "runs", 1, table.Live()) // answered when the start has returned: its note comes a moment before it is watched
	table.Close()
	if !alive(pid) {
		t.Error("closing ended it")
	}
	if err := table.Signal(id, 0, Main); err != nil {
		t.Errorf("it cannot be reached: %v", err)
	}
	open()
	process := table.runs[id].process
	eventually(t, "it is reaped by whoever comes after", func() bool {
		return !errors.Is(Direct{}.Reap("", process), osproc.ErrRuns)
	})
	wantStory(t, "Spawned", e)
	table.Kill(id)
	table.Detach(id)
}

func TestClosingDuringStartsHangsNowhere(t *testing.T) {
	for range 5 {
		table, err := NewTable(Direct{})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "log")
		var ears []*ear
		for i := range 60 {
			launch := Launch{Command: command("sleep", "1000")}
			if i%2 == 0 {
				launch = logged(launch.Command, path, path)
			}
			ears = append(ears, begin(table, RunID{"web:1", i}, launch))
		}
		await[Spawned](t, ears[0])
		table.Close()
		eventually(t, "the spawners are done", func() bool {
			table.mu.Lock()
			defer table.mu.Unlock()
			return table.spawners == 0
		})
		for i, e := range ears {
			if last := table.last(RunID{"web:1", i}); isLast(last) {
				continue
			}
			table.Kill(RunID{"web:1", i}) // it was there before the end: its process lives
			process := table.runs[RunID{"web:1", i}].process
			eventually(t, "it is reaped, "+e.story(), func() bool {
				return !errors.Is(Direct{}.Reap("", process), osproc.ErrRuns) || isLast(table.last(RunID{"web:1", i}))
			})
		}
	}
}

// Numbers come again soon where they are few: each run has its own end, and a signal for one that is over hits nobody.
func TestRunsAreNotMixedUpWhenNumbersAreUsedAgain(t *testing.T) {
	table, seen, again := newTable(t, Direct{}), map[int]bool{}, 0
	var bystander *ear
	previous := RunID{"web:1", -1}
	for i := range 300 {
		if os.Getenv(againVariable) == inNamespace {
			// The next number is the one after this: from a few, again and again.
			if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(1000+i%3)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		id := RunID{"web:1", i}
		c := shell("read line; exit $1", strconv.Itoa(i%256))
		open := gate(t, &c)
		e := begin(table, id, Launch{Command: c})
		pid := await[Spawned](t, e).Pid
		if seen[pid] {
			again++
		}
		seen[pid] = true
		// The run before may have had this number.
		if i > 0 {
			for _, group := range []Scope{Main, Group} {
				if err := table.Signal(previous, syscall.SIGKILL, group); !errors.Is(err, osproc.ErrGone) {
					t.Fatalf("a signal for %s: want ErrGone, got %v", previous, err)
				}
			}
			table.Kill(previous)
			wantStory(t, "Spawned Ended", bystander)
			table.Release(RunID{"web:1", i - 2})
		}
		open()
		ended := await[Ended](t, e)
		want(t, "run", id, ended.ID)
		want(t, "status of "+id.String(), Status{Code: i % 256}, how(ended.Status))
		previous, bystander = id, e
	}
	if os.Getenv(againVariable) == inNamespace && again < 200 {
		t.Errorf("only %d of 300 numbers were used again: that proves little", again)
	}
}

// Short children of many runs at once, each with its own exit code, as fast as they can be started.
func TestAStormOfShortChildrenIsToldExactly(t *testing.T) {
	table := newTable(t, Direct{})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 60 {
				id, code := RunID{"web:" + strconv.Itoa(worker), i}, (worker*60+i)%256
				e := begin(table, id, Launch{Command: shell("exit " + strconv.Itoa(code))})
				ended := await[Ended](t, e)
				want(t, "run", id, ended.ID)
				want(t, "status of "+id.String(), Status{Code: code}, how(ended.Status))
				wantStory(t, "Spawned Ended", e)
				table.Release(id)
			}
		})
	}
	all.Wait()
	want(t, "runs", 0, table.Live())
}

// again runs tests of this binary in another situation, as a run of a table.
func again(t *testing.T, situation string, change func(*Command)) {
	t.Helper()
	table, directory := newTable(t, Direct{}), t.TempDir()
	path := filepath.Join(directory, "output")
	c := ourselves("", "-test.timeout=100s")
	c.Env = append(c.Env, againVariable+"="+situation)
	change(&c)
	e := begin(table, RunID{"again", 1}, logged(c, path, path))
	eventuallyWithin(t, 100*time.Second, "the tests are done", func() bool { return isLast(table.last(RunID{"again", 1})) })
	output := content(t, path)
	if status := await[Ended](t, e).Status; how(status) != (Status{}) || !strings.Contains(output, "\nok") && !strings.Contains(output, "PASS") {
		t.Errorf("they ended with %+v:\n%s", status, output)
	}
	t.Log(output)
}

func TestAllAgainAsAnOrdinaryUser(t *testing.T) {
	t.Parallel() // these and what hangs take long, and look at nothing that others change
	if os.Geteuid() != 0 || os.Getenv(againVariable) != "" {
		t.Skip("this is it")
	}
	// The directories of go test are root's alone: a copy of this binary lies where others may come.
	directory, err := os.MkdirTemp("", "child")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(directory)
	const nobody = 65534
	binary := filepath.Join(directory, "tests")
	program, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(binary, program, 0o755)
	}
	if err == nil {
		err = os.Chown(directory, nobody, nobody)
	}
	if err != nil {
		t.Fatal(err)
	}
	again(t, asOrdinary, func(c *Command) {
		c.Path, c.Dir, c.Credential = binary, directory, &Credential{Uid: nobody, Gid: nobody}
		c.Env = append(c.Env, "TMPDIR="+directory)
	})
}

func TestNumbersAgainInANamespaceOfTheirOwn(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 || os.Getenv(againVariable) != "" {
		t.Skip("only root may say which number comes next")
	}
	again(t, inNamespace, func(c *Command) {
		c.Argv = append(c.Argv, "-test.run=^TestRunsAreNotMixedUp")
		c.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWNS
	})
}
