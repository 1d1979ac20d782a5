package osproc

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// What is tested here for itself is what a subreaper does; TestAllAgain runs it.
func needSubreaper(t *testing.T) {
	t.Helper()
	if os.Getenv(againVariable) != asSubreaper {
		t.Skip("orphans do not come to this process")
	}
}

// vanished is whether there is no such process any more, not even a zombie.
func vanished(pid int) bool {
	_, ok := ReadInfo(pid)
	return !ok
}

// orphansOf runs a script that prints the pids of processes it leaves behind, and returns them.
func orphansOf(t *testing.T, l *Loop, script string) []int {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	c := shell(script)
	c.Stdout = int(write.Fd())
	p, err := Spawn(c)
	_ = write.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { finish(p) })
	ends := ended(t, l, p)
	var pids []int
	for lines := bufio.NewScanner(read); lines.Scan(); {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if status := receive(t, ends, "the parent's end"); status.Code != 0 || status.Lost {
		t.Fatalf("the parent ended with %+v", status)
	}
	return pids
}

func TestOrphansAreReaped(t *testing.T) {
	needSubreaper(t)
	l := newLoop(t)
	for name, script := range map[string]string{
		// The subshell in between ends at once; what it forked is ours then.
		"dead before their parent":  `sh -c 'echo $$' & wait; (sh -c 'echo $$; exit 3' &)`,
		"twenty double forks":       `for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do (sh -c 'echo $$; exit 3' &); done`,
		"with a session of its own": `(setsid sh -c 'echo $$; exit 3' &)`,
		"killed":                    `(sh -c 'echo $$; kill -9 $$' &)`,
	} {
		pids := orphansOf(t, l, script)
		if len(pids) == 0 {
			t.Errorf("%s: no orphans", name)
		}
		for _, pid := range pids {
			eventually(t, name+" is reaped", func() bool { return vanished(pid) })
		}
	}
}

func TestOrphansOfBeforeTheLoopAreReaped(t *testing.T) {
	needSubreaper(t)
	before := newLoop(t)
	pids := orphansOf(t, before, `(sh -c 'echo $$; exec sleep 1000 >/dev/null' &)`)
	before.Close()
	for _, pid := range pids {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a zombie", func() bool { info, ok := ReadInfo(pid); return ok && info.State == 'Z' })
	}
	newLoop(t)
	for _, pid := range pids {
		eventually(t, "the orphan is reaped", func() bool { return vanished(pid) })
	}
}

// A storm: children of ours, of others in this process, and orphans all end at once. Every status reaches its owner.
func TestASubreaperTakesNobodysStatus(t *testing.T) {
	needSubreaper(t)
	l := newLoop(t)
	var group sync.WaitGroup
	var wrong atomic.Int32
	const rounds = 100
	group.Go(func() {
		for i := range rounds {
			command := exec.Command("/bin/sh", "-c", "exit "+strconv.Itoa(i))
			command.Env = environment()
			if err := command.Start(); err != nil {
				t.Error(err)
				return
			}
			_ = command.Wait()
			if command.ProcessState == nil || command.ProcessState.ExitCode() != i {
				wrong.Add(1)
			}
		}
	})
	group.Go(func() {
		for range rounds {
			orphansOf(t, l, `(sh -c 'echo $$; exit 3' &)`)
		}
	})
	ends := make([]chan Status, rounds)
	processes := make([]*Process, rounds)
	inParallel(rounds, func(i int) {
		p, err := Spawn(shell("exit " + strconv.Itoa(i)))
		if err != nil {
			t.Error(err)
			return
		}
		processes[i], ends[i] = p, make(chan Status, 1)
		runtime.Gosched() // it may have ended before it is watched
		if err := l.Watch(p, func(status Status) { ends[i] <- status }); err != nil {
			t.Error(err)
		}
	})
	group.Wait()
	// By now the orphans have long been looked for; ours are still there.
	pids := orphansOf(t, l, `(sh -c 'echo $$; exit 3' &)`)
	eventually(t, "the last orphan is reaped", func() bool { return vanished(pids[0]) })
	for i, p := range processes {
		if p == nil {
			continue
		}
		status := receive(t, ends[i], "exit")
		peeked, over, err := p.wait(unix.WNOHANG | unix.WNOWAIT)
		if status.Code != i || peeked.Code != i || !over || err != nil {
			t.Errorf("exit %d: told %+v, peeked %+v, %v", i, status, peeked, err)
		}
		if err := p.reap(); err != nil {
			t.Error(err)
		}
	}
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d of %d children of others lost their status", n, rounds)
	}
}

// A zombie that may be the child of a fork in flight is left alone until that fork has returned, however long that takes.
func TestAForkInFlightIsWaitedFor(t *testing.T) {
	needSubreaper(t)
	l := newLoop(t)
	p, err := Spawn(shell("exit 5"))
	if err != nil {
		t.Fatal(err)
	}
	family.Lock() // as if ForkExec had not returned
	family.ticket++
	ticket := family.ticket
	family.inFlight[ticket] = true
	delete(family.children, p.pid)
	family.Unlock()
	// Orphans in other sessions are no child of that fork.
	for range 15 {
		for _, pid := range orphansOf(t, l, `(sh -c 'echo $$; exit 3' &)`) {
			eventually(t, "the orphan is reaped", func() bool { return vanished(pid) })
		}
	}
	forkEnded(ticket, p.pid)
	status, over, err := p.wait(unix.WNOHANG | unix.WNOWAIT)
	if err != nil || !over || status.Code != 5 {
		t.Errorf("got %+v, %v, %v", status, over, err)
	}
	finish(p)
}

func TestNothingListensWhereOrphansGoElsewhere(t *testing.T) {
	if os.Getenv(againVariable) != "" {
		t.Skip("here it does")
	}
	l := newLoop(t)
	p := start(t, shell("exit 0"))
	receive(t, ended(t, l, p), "exit")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signals != nil || l.orphans != nil {
		t.Error("SIGCHLD is listened to")
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if n := strings.Count(string(stacks), "osproc.(*Loop).run("); n != 1 || strings.Contains(string(stacks), "osproc.(*Loop).listen") {
		t.Errorf("more than one goroutine:\n%s", stacks)
	}
}
