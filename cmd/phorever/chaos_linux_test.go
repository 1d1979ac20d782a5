package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// chaosFor is how long the chaos lasts where PHOREVER_SOAK says nothing.
const chaosFor = 25 * time.Second

// TestChaos kills daemon, keeper and children at random, every few hundred milliseconds, while reloads and restarts are
// ordered. The children hold a lock and number their lines: none may ever meet a second copy of itself, and every line that one
// of them has written must be in the log once, whole and in order. In the end everything runs, and nothing has grown.
func TestChaos(t *testing.T) {
	duration := chaosFor
	if long, err := time.ParseDuration(os.Getenv("PHOREVER_SOAK")); err == nil && long > 0 {
		duration = long
	}
	t.Parallel()
	p := newProject(t)
	p.writeChaos(0)
	p.command(0, "start", "-d", "--wait=60s")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	end := time.Now().Add(duration)
	var workers sync.WaitGroup
	for worker := range 3 {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			for i := 0; time.Now().Before(end) && !t.Failed(); i++ {
				if worker == 0 {
					p.strike(random, i)
				} else {
					p.order(random)
				}
				time.Sleep(time.Duration(100+random.IntN(300)) * time.Millisecond)
			}
		})
	}
	workers.Wait()
	p.revive()
	p.command(0, "start", "--wait=60s")
	p.command(0, "start", "counter", "other", "--wait=60s")
	p.command(0, "status")
	p.secondCopies()
	fds, threads := p.weight()
	if fds > 120 || threads > 40 {
		t.Errorf("the daemon has %d descriptors and %d threads", fds, threads)
	}
	p.stopWhole()
	p.countLines()
	log, _ := os.ReadFile(filepath.Join(p.dir, "logs", "phorever.log"))
	byDaemon, byKeeper := strings.Count(string(log), "(it was killed by SIGKILL)"), strings.Count(string(log), "(it lost its keeper)")
	t.Logf("%d daemons and %d keepers were killed", byDaemon, byKeeper)
	if byDaemon == 0 || byKeeper == 0 {
		t.Error("that was no chaos")
	}
}

// writeChaos writes one of two configurations, of which one restarts half of the processes.
func (p *project) writeChaos(variant int) {
	p.configure(fmt.Sprintf(`{
  "defaults": {"resurrect_after": "50ms", "stable_after": "50ms", "give_up": false, "stop": {"timeout": "2s"}},
  "logging": {"rotate": {"size": "5MB", "keep": 10000}},
  "processes": [
    {"name": "counter", "clones": 3, "up": ["misbehave", "hold-lock", "counter.%%clone%%", "count", "sent"]},
    {"name": "other", "clones": 2, "up": ["misbehave", "hold-lock", "other.%%clone%%", "count", "sent"], "env": {"VARIANT": "%d"}, "stderr_file": "%%name%%.log", "log": {"prefix": true}},
  ],
}`, variant))
}

// strike kills somebody. Daemon and keeper are never killed together: what is in flight between the two is lost then.
// The first two blows are a keeper and a daemon, however slow the machine is.
func (p *project) strike(random *rand.Rand, i int) {
	whom := random.IntN(5)
	if i < 2 {
		whom = 2 - i
	}
	switch whom {
	case 0, 1:
		p.kill(p.pidOf("pid"))
	case 2:
		keeper := p.pidOf("keeper_pid")
		p.kill(keeper)
		for deadline := time.Now().Add(30 * time.Second); keeper > 1; time.Sleep(20 * time.Millisecond) {
			if now := p.pidOf("keeper_pid"); now > 1 && now != keeper {
				break
			}
			if time.Now().After(deadline) {
				p.t.Error("no other keeper after 30s")
				break
			}
		}
	default:
		for _, pid := range p.pids() {
			if random.IntN(2) == 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	p.secondCopies()
}

func (p *project) kill(pid int) {
	if pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func (p *project) pidOf(field string) int {
	daemon, _ := p.status()["daemon"].(map[string]any)
	pid, _ := daemon[field].(float64)
	return int(pid)
}

// order gives an order, which may be lost with the daemon that got it.
func (p *project) order(random *rand.Rand) {
	target := []string{"counter", "counter:1", "other", "all"}[random.IntN(4)]
	switch random.IntN(4) {
	case 0:
		p.prepare("restart", target).Run()
	case 1:
		p.writeChaos(random.IntN(2))
		p.prepare("reload").Run()
	case 2:
		p.prepare("stop", target).Run()
		p.prepare("start", "counter", "other").Run()
	case 3:
		p.prepare("status").Run()
	}
}

// revive starts a daemon where the last blow has hit both.
func (p *project) revive() {
	p.writeChaos(1)
	out, err := p.prepare("start", "-d", "--wait=60s").CombinedOutput()
	if err != nil {
		p.t.Errorf("start: %v\n%s", err, out)
	}
}

// afterPrefix is a line of a run without what was put before it.
func afterPrefix(line string) string {
	if clone, rest, ok := strings.Cut(line, " | "); ok && strings.HasPrefix(rest, clone+"#") {
		return rest
	}
	return line
}

// wholeLog is the files of a log, oldest first.
func (p *project) wholeLog(name string) []string {
	path := filepath.Join(p.dir, "logs", name)
	files := []string{path}
	for i := 1; ; i++ {
		aside := fmt.Sprintf("%s.%d", path, i)
		if _, err := os.Stat(aside); err != nil {
			slices.Reverse(files)
			return files
		}
		files = append(files, aside)
	}
}

// countLines compares what the children say that they have sent with what is in their log: "RUN NUMBER", from 0.
func (p *project) countLines() {
	next := map[string]int{}
	for _, path := range append(p.wholeLog("counter.log"), p.wholeLog("other.log")...) {
		name := filepath.Base(path)
		file, err := os.Open(path)
		if err != nil {
			p.t.Error(err)
			continue
		}
		lines := bufio.NewScanner(file)
		for lines.Scan() {
			run, number, ok := strings.Cut(afterPrefix(lines.Text()), " ")
			n, err := strconv.Atoi(strings.TrimSuffix(number, " of many"))
			if !ok || err != nil || !strings.HasSuffix(number, " of many") {
				p.t.Errorf("%s: a torn line: %q", name, lines.Text())
				continue
			}
			if n != next[run] {
				p.t.Errorf("%s: line %d of %s follows line %d", name, n, run, next[run]-1)
			}
			next[run] = n + 1
		}
		file.Close()
	}
	sent, total := p.sent()
	for run, n := range sent {
		if got := next[run]; got != n && got != n+1 { // it may have been killed between the line and the note
			p.t.Errorf("%s has sent %d lines, %d are in its log", run, n, got)
		}
	}
	p.t.Logf("%d processes have sent %d lines", len(sent), total)
}

// sent is how many lines each process says that it has sent, and all together.
func (p *project) sent() (byRun map[string]int, total int) {
	byRun = map[string]int{}
	notes, _ := filepath.Glob(filepath.Join(p.dir, "sent.*"))
	for _, name := range notes {
		text, _ := os.ReadFile(name)
		n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		byRun[strings.TrimPrefix(filepath.Base(name), "sent.")] = n
		total += n
	}
	return byRun, total
}
