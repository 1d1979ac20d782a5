package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestSoakNeverTwoCopies throws orders, kills and reloads at one daemon for as long as PHOREVER_SOAK says. Every command must
// answer in time and with a known exit code; no lock may ever meet a second copy; afterwards everything runs again, the daemon
// holds no more descriptors and threads than before, and nothing is left after stop.
func TestSoakNeverTwoCopies(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("PHOREVER_SOAK"))
	if err != nil || duration <= 0 {
		t.Skip("set PHOREVER_SOAK to a duration (task soak)")
	}
	p := newProject(t)
	p.writeConfig(1)
	p.command(0, "start", "-d", "--wait=60s")
	fds, threads := p.weight()

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	end := time.Now().Add(duration)
	var workers sync.WaitGroup
	for worker := range 4 {
		workers.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			for time.Now().Before(end) && !t.Failed() {
				p.disturb(random)
			}
		})
	}
	workers.Wait()

	p.writeConfig(1)
	p.command(0, "reload", "--wait=60s")
	p.command(0, "scale", "web=3", "worker=2", "stubborn=1")
	p.command(-1, "resume", "all")
	p.command(0, "start", "--wait=60s")
	p.command(0, "start", "web", "worker", "stubborn", "--wait=60s")
	p.command(0, "status", "web", "worker", "stubborn") // brief is in BACKOFF most of the time
	p.secondCopies()
	// What ends late (a pipe's last reader, a timer) has a moment to do so.
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		nowFDs, nowThreads := p.weight()
		if nowFDs <= fds+8 && nowThreads <= threads+8 {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("descriptors %d -> %d, threads %d -> %d: something leaks", fds, nowFDs, threads, nowThreads)
			break
		}
	}
	p.stopWhole()
}

// project is a directory with a configuration and a daemon.
type project struct {
	t       *testing.T
	dir     string
	program string     // that is run
	env     []string   // more of it
	user    uint32     // who runs it; 0: we ourselves
	mu      sync.Mutex // the configuration is written by one at a time
}

func newProject(t *testing.T) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir(), program: "phorever"}
	if err := os.Mkdir(filepath.Join(p.dir, ".run"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.prepare("stop").Run() // it may be gone already
		for _, b := range belongings(p.dir) {
			_ = syscall.Kill(b.pid, syscall.SIGKILL)
		}
		leaveNoFiles(p.dir)
	})
	return p
}

// configure writes the configuration.
func (p *project) configure(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replace("phorever.json", text)
}

// replace writes a file by rename, so that nobody reads a half.
func (p *project) replace(name, text string) {
	name = filepath.Join(p.dir, name)
	if err := os.WriteFile(name+".new", []byte(text), 0o644); err != nil {
		p.t.Error(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		p.t.Error(err)
	}
}

// stopWhole stops everything, of which nothing may be left.
func (p *project) stopWhole() {
	p.command(0, "stop")
	for _, b := range belongings(p.dir) {
		p.t.Errorf("left running: %d %s", b.pid, b.commandLine())
	}
}

// writeConfig writes one of several configurations of the same processes.
func (p *project) writeConfig(variant int) {
	p.configure(fmt.Sprintf(`{
  "defaults": {"resurrect_after": "50ms", "stable_after": "50ms", "give_up": false, "stop": {"timeout": "500ms"}},
  "processes": [
    {"name": "web", "clones": 3, "up": ["misbehave", "hold-lock", "web.%%clone%%"], "env": {"VARIANT": "%d"}},
    {"name": "worker", "clones": 2, "up": ["misbehave", "hold-lock", "worker.%%clone%%", "lines", "100"], "resurrect_after": "%dms"},
    {"name": "stubborn", "up": ["misbehave", "ignore", "TERM", "hold-lock", "stubborn.%%clone%%"]},
    {"name": "brief", "up": ["misbehave", "hold-lock", "brief", "slow", "200ms", "exit", "1"]},
  ],
}`, variant, 50+variant))
}

func (p *project) prepare(args ...string) *exec.Cmd {
	cmd := exec.Command(p.program, args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "WORK="+p.dir, "PWD="+p.dir, "HOME="+p.dir, "XDG_RUNTIME_DIR="+filepath.Join(p.dir, ".run"), "TERM=dumb",
		"GORACE=atexit_sleep_ms=0") // the race detector has every process linger for a second
	cmd.Env = append(cmd.Env, p.env...)
	if p.user != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.user, Gid: p.user}}
	}
	return cmd
}

// command runs one that must answer within a minute, with exit code want; -1 takes any that the contract knows.
func (p *project) command(want int, args ...string) string {
	cmd := p.prepare(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Start()
	if err == nil {
		timer := time.AfterFunc(time.Minute, func() {
			p.t.Errorf("phorever %s: no answer in a minute", strings.Join(args, " "))
			_ = cmd.Process.Kill()
		})
		err = cmd.Wait()
		timer.Stop()
	}
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		p.t.Error(err)
	}
	scaledAway := code == 2 && strings.Contains(out.String(), "unknown clone")
	known := code == 0 || code == 1 || code == 4 || code == 10 || scaledAway
	if want >= 0 && code != want || !known {
		p.t.Errorf("phorever %s: exit code %d, want %d\n%s", strings.Join(args, " "), code, want, out.Bytes())
	}
	return out.String()
}

// disturb does one thing that a busy day may bring.
func (p *project) disturb(random *rand.Rand) {
	target := []string{"web", "web:1", "worker", "stubborn", "brief", "all"}[random.IntN(6)]
	switch random.IntN(10) {
	case 0, 1:
		p.command(-1, "restart", target)
	case 2:
		p.command(-1, "stop", target)
	case 3:
		p.command(-1, "start", target)
	case 4:
		p.command(-1, "scale", "web="+strconv.Itoa(random.IntN(5)))
	case 5:
		p.writeConfig(random.IntN(3))
		p.command(-1, "reload")
	case 6:
		for _, pid := range p.pids() {
			if random.IntN(2) == 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	case 7:
		if daemon := p.daemon(); daemon > 1 {
			for range 100 {
				_ = syscall.Kill(daemon, syscall.SIGHUP)
			}
		}
	case 8:
		p.command(-1, "pause", target)
		p.command(-1, "resume", target)
	case 9:
		p.command(-1, "status")
	}
	p.secondCopies()
}

func (p *project) secondCopies() {
	if found, _ := filepath.Glob(filepath.Join(p.dir, "*.second-copy")); len(found) > 0 {
		p.t.Errorf("two copies of one process: %v", found)
	}
}

func (p *project) status() map[string]any {
	command := p.prepare("status", "--all", "--json")
	var complaint strings.Builder
	command.Stderr = &complaint
	out, failed := command.Output()
	var reply map[string]any
	if err := json.Unmarshal(out, &reply); err != nil {
		p.t.Errorf("status --json: %v: %q; %v: %s", err, out, failed, complaint.String())
	}
	return reply
}

func (p *project) daemon() int {
	pid, _ := strconv.Atoi(show(p.status(), "daemon", "pid"))
	return pid
}

// pids are the processes that a name of misbehave proves to be ours.
func (p *project) pids() []int {
	var pids []int
	for _, b := range belongings(p.dir) {
		if b.name == "misbehave" {
			pids = append(pids, b.pid)
		}
	}
	return pids
}

// weight is how many descriptors and threads the daemon has; 0 where there is no /proc.
func (p *project) weight() (fds, threads int) {
	daemon := p.daemon()
	open, _ := os.ReadDir(proc(daemon, "fd"))
	tasks, _ := os.ReadDir(proc(daemon, "task"))
	return len(open), len(tasks)
}
