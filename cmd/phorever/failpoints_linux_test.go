package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Where daemon and keeper are ended by SIGKILL, and what they are refused: the points are those of actors/internal/failpoint.
var (
	deaths = []struct{ who, point string }{
		{"daemon", "spawn.reserved"}, {"daemon", "spawn.fork"}, {"daemon", "spawn.forked"}, {"daemon", "spawn.told"}, {"keeper", "keeper.reserve"},
		{"daemon", "end.seen"}, {"daemon", "end.read"}, {"daemon", "end.noted"}, {"daemon", "end.released"}, {"keeper", "keeper.add"},
		{"daemon", "log.begun"}, {"daemon", "log.taken"}, {"daemon", "log.moved"}, {"daemon", "log.counting"}, {"keeper", "keeper.reap"},
		{"daemon", "log.placed"}, {"daemon", "log.counted"}, {"daemon", "journal.write"}, {"daemon", "journal.written"}, {"daemon", "signal"}, {"keeper", "keeper.reaped"},
	} // of a daemon that dies more than five times in a row the keeper starts the next one late
	refusals = []struct{ point, errno string }{
		{"spawn.reserved", "ENOMEM"}, {"spawn.fork", "EAGAIN"}, {"spawn.fork", "ENOMEM"}, {"watch", "ENOSPC"}, {"signal", "EINTR"}, {"signal", "ENOMEM"},
		{"log.tee", "ENOMEM"}, {"log.tee", "EINTR"}, {"log.tee", "EIO"}, {"log.move", "EINTR"}, {"log.move", "EAGAIN"},
		{"journal.write", "ENOSPC"}, {"journal.write", "EIO"},
	}
)

const countersAndOthers = `{
  "env": {"PAUSE": "5ms"},
  "defaults": {"resurrect_after": "50ms", "stable_after": "50ms", "give_up": false, "stop": {"timeout": "2s"}},
  "processes": [
    {"name": "counter", "up": ["misbehave", "hold-lock", "counter.%clone%", "count", "sent"]},
    {"name": "other", "clones": 2, "up": ["misbehave", "hold-lock", "other.%clone%", "count", "sent"], "stderr_file": "%name%.log", "log": {"prefix": true}},
  ],
}`

// failingProgram is phorever with points where it can be hit. It lies below the directory of the one without, and goes with it.
var failingProgram = sync.OnceValues(func() (string, error) {
	ordinary, err := exec.LookPath("phorever")
	if err != nil {
		return "", err
	}
	program := filepath.Join(filepath.Dir(ordinary), "failing", "phorever")
	return program, build(program, "-tags", "failpoints")
})

// failing is a project that runs it.
func failing(t *testing.T) *project {
	t.Helper()
	program, err := failingProgram()
	if err != nil {
		t.Fatal(err)
	}
	p := newProject(t)
	p.program = program
	p.env = []string{"PHOREVER_FAILPOINTS=" + filepath.Join(p.dir, "points"), "GORACE=halt_on_error=1 exitcode=66 atexit_sleep_ms=0"}
	return p
}

// arm says what happens at which points; nothing disarms.
func (p *project) arm(points string) {
	name := filepath.Join(p.dir, "points")
	if points == "" {
		_ = os.Remove(name)
		return
	}
	_ = os.Remove(name + ".hits")
	p.replace("points", points+"\n")
}

// hits is how often a point has done what it was armed for.
func (p *project) hits() int {
	text, _ := os.ReadFile(filepath.Join(p.dir, "points.hits"))
	return strings.Count(string(text), "\n")
}

// stir gives the engine something to do: two processes die, two are restarted, of which one lives.
func (p *project) stir() *exec.Cmd {
	for _, b := range belongings(p.dir) {
		if line := b.commandLine(); strings.Contains(line, "counter.1") || strings.Contains(line, "other.1") {
			_ = syscall.Kill(b.pid, syscall.SIGKILL)
		}
	}
	order := p.prepare("restart", "other", "--wait=1s")
	order.Stdout = &bytes.Buffer{}
	order.Stderr = order.Stdout
	if err := order.Start(); err != nil {
		p.t.Fatal(err)
	}
	return order
}

// dies stirs the engine, and says whether somebody has died of that.
func (p *project) dies() bool {
	p.t.Helper()
	order := p.stir()
	for end := time.Now().Add(10 * time.Second); p.hits() == 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	_ = order.Wait() // whatever it could do
	if p.hits() == 1 {
		return true
	}
	p.t.Logf("nobody died; the order said: %s", order.Stdout)
	return false
}

// TestDeathAtEveryPoint ends the daemon, or its keeper, between any two steps that belong together: a fork and its being known,
// lines that are out of their pipe and not in their file, an end and its being noted. Nothing may run twice, every line must be
// in its log once, and everything runs on.
func TestDeathAtEveryPoint(t *testing.T) {
	t.Parallel()
	p := failing(t)
	p.configure(countersAndOthers)
	p.command(0, "start", "-d", "--wait=60s")
	for _, d := range deaths {
		daemon, keeper := p.pidOf("pid"), p.pidOf("keeper_pid")
		p.arm(d.point + " kill")
		if !p.dies() {
			t.Fatalf("never: somebody dies at %s", d.point)
		}
		p.eventually(fmt.Sprintf("%v: there is another daemon", d), func() bool { now := p.pidOf("pid"); return now != 0 && now != daemon })
		p.command(0, "start", "--wait=60s")
		p.secondCopies()
		if now := p.pidOf("keeper_pid"); (now == keeper) != (d.who == "daemon") {
			t.Errorf("%v: the keeper was %d and is %d", d, keeper, now)
		}
	}
	p.stopWhole()
	p.countLines()
}

// TestRefusalsAtEveryPoint has every other call of a kind refused for a while. Neither daemon nor keeper ends, and no line is lost.
func TestRefusalsAtEveryPoint(t *testing.T) {
	t.Parallel()
	p := failing(t)
	p.configure(countersAndOthers)
	p.command(0, "start", "-d", "--wait=60s")
	daemon, keeper := p.pidOf("pid"), p.pidOf("keeper_pid")
	for _, r := range refusals {
		p.arm(r.point + " " + r.errno)
		order := p.stir()
		p.eventually(r.point+" is refused with "+r.errno, func() bool { return p.hits() > 0 })
		_ = order.Wait()
		p.arm("")
		p.command(0, "start", "--wait=60s")
		p.secondCopies()
		if pid, kept := p.pidOf("pid"), p.pidOf("keeper_pid"); pid != daemon || kept != keeper {
			t.Errorf("%v: there were %d and %d, and are %d and %d", r, daemon, keeper, pid, kept)
			daemon, keeper = pid, kept
		}
	}
	p.stopWhole()
	p.countLines()
	p.floods()
}

// TestStopNeedsNoFork: where no process can be forked any more, a process that dies waits and says why, however often, and stop
// ends everything.
func TestStopNeedsNoFork(t *testing.T) {
	t.Parallel()
	p := failing(t)
	p.configure(`{"processes": [{"name": "tree", "up": "setsid sleep 100 & exec sleep 100"}, {"name": "web", "up": ["misbehave", "ignore", "TERM", "slow", "100s"],
		"resurrect_after": "10ms", "give_up": {"after": 1, "within": "1m"}, "stop": {"timeout": "300ms"}}]}`)
	p.command(0, "start", "-d", "--wait=60s")
	p.arm("spawn.fork EAGAIN always\nkeeper.start EAGAIN always")
	if err := syscall.Kill(p.pidIn("web:1"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.eventually("it was tried three times", func() bool { return p.hits() >= 3 })
	if state, reason := p.stateOf("web:1"), p.field("web:1", "reason"); state != "BACKOFF" || !strings.Contains(reason, "resource temporarily unavailable") {
		t.Errorf("web:1 is %s: %s", state, reason)
	}
	begin := time.Now()
	p.stopWhole()
	t.Logf("stopped after %s", time.Since(begin))
}

// TestLinesSurviveTheLossOfTheState: what is saved is gone when the daemon is killed. The keeper knows the processes, the
// configuration where their lines go: none is lost, and no process waits for a reader.
func TestLinesSurviveTheLossOfTheState(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.configure(strings.Replace(countersAndOthers, `"env"`, `"state_directory": "state", "env"`, 1))
	p.command(0, "start", "-d", "--wait=60s")
	pids := p.pids()
	saved, _ := filepath.Glob(filepath.Join(p.dir, "state", "*"))
	if len(saved) == 0 {
		t.Fatal("nothing was saved")
	}
	for _, name := range saved {
		p.eventually("it is gone", func() bool { return os.RemoveAll(name) == nil }) // what is in it may just be written
	}
	daemon := p.pidOf("pid")
	p.kill(daemon)
	p.eventually("another daemon", func() bool { now := p.pidOf("pid"); return now != daemon && now > 1 })
	p.command(0, "start", "--wait=60s")
	begin := map[string]int64{}
	for _, name := range []string{"counter.log", "other.log"} {
		begin[name] = p.sizeOf(name)
	}
	p.eventually("lines go on", func() bool {
		return p.sizeOf("counter.log") > begin["counter.log"]+200_000 && p.sizeOf("other.log") > begin["other.log"]+200_000 // more than a pipe holds
	})
	if now := p.pids(); len(now) != len(pids) {
		t.Errorf("there were %v, and are %v", pids, now)
	}
	p.stopWhole()
	p.countLines()
}

// TestLinesOfTheDeadSurviveTheLossOfTheState: the processes have ended as well before another daemon comes.
func TestLinesOfTheDeadSurviveTheLossOfTheState(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.configure(strings.Replace(countersAndOthers, `"env"`, `"state_directory": "state", "env"`, 1))
	p.command(0, "start", "-d", "--wait=60s")
	p.whileNoDaemonLives(func() {
		p.endAll()
		saved, _ := filepath.Glob(filepath.Join(p.dir, "state", "*"))
		for _, name := range saved {
			if err := os.RemoveAll(name); err != nil {
				t.Fatal(err)
			}
		}
	})
	p.command(0, "start", "--wait=60s")
	p.stopWhole()
	p.countLines()
}

// TestADaemonDiesOfItsFirstLines: what waited for it is on its way to the log when it is killed, and nobody else has it any more.
func TestADaemonDiesOfItsFirstLines(t *testing.T) {
	t.Parallel()
	p := failing(t)
	p.configure(countersAndOthers)
	p.command(0, "start", "-d", "--wait=60s")
	p.whileNoDaemonLives(func() {
		p.endAll()
		p.arm("log.taken kill")
	})
	if p.hits() != 1 {
		t.Error("the next daemon did not die")
	}
	p.command(0, "start", "--wait=60s")
	p.stopWhole()
	p.countLines()
}

// whileNoDaemonLives kills the daemon, whose keeper begins another one only when everything is done and that is up.
func (p *project) whileNoDaemonLives(do func()) {
	p.t.Helper()
	daemon, keeper, pids := p.pidOf("pid"), p.pidOf("keeper_pid"), p.pids()
	_ = syscall.Kill(keeper, syscall.SIGSTOP)
	p.kill(daemon)
	p.eventually("the daemon is dead", func() bool { return !lives(daemon) })
	_, before := p.sent()
	p.eventually("lines wait", func() bool { _, now := p.sent(); return now > before+100*len(pids) })
	do()
	_ = syscall.Kill(keeper, syscall.SIGCONT)
	p.eventually("another daemon", func() bool { now := p.pidOf("pid"); return now != daemon && now > 1 })
}

// endAll kills every process.
func (p *project) endAll() {
	for _, b := range belongings(p.dir) {
		if strings.HasPrefix(b.commandLine(), "misbehave ") {
			p.kill(b.pid)
			p.eventually("a process is dead", func() bool { return !lives(b.pid) })
		}
	}
}

func (p *project) sizeOf(log string) int64 {
	info, err := os.Stat(filepath.Join(p.dir, "logs", log))
	if err != nil {
		return 0
	}
	return info.Size()
}
