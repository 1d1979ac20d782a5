package main

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// upgrading is a project whose binary can be replaced by one that is the same to look at, and another file.
func upgrading(t *testing.T) *project {
	t.Parallel()
	p := newProject(t)
	p.program = filepath.Join(p.dir, "binary")
	p.newBinary()
	p.configure(`{"defaults": {"stable_after": 0}, "processes": [{"name": "web", "up": "sleep 1000"}]}`)
	p.command(0, "start", "-d", "--wait=60s")
	return p
}

func (p *project) newBinary() {
	p.t.Helper()
	path, err := exec.LookPath("phorever")
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.program+".new", text, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(p.program+".new", p.program); err != nil {
		p.t.Fatal(err)
	}
}

// becomes waits until a process is what the binary now is, and does something again and again meanwhile.
func (p *project) becomes(pid int, meanwhile func()) {
	p.t.Helper()
	want, err := os.Stat(p.program)
	if err != nil {
		p.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		now, err := os.Stat(proc(pid, "exe"))
		if err == nil && os.SameFile(now, want) {
			return
		}
		if time.Now().After(deadline) || err == nil && syscall.Kill(pid, 0) != nil { // in the middle of an exec it looks like a zombie
			p.t.Fatalf("the keeper %d does not become the new binary", pid)
		}
		meanwhile()
	}
}

// A keeper that becomes another program has no moment in which a signal ends it.
func TestSignalsDuringAnUpgradeEndNoKeeper(t *testing.T) {
	p := upgrading(t)
	keeper, web := p.pidOf("keeper_pid"), p.pidIn("web:1")
	send := func(s syscall.Signal) { _ = syscall.Kill(keeper, s) }
	for range 3 {
		p.newBinary()
		send(syscall.SIGUSR2)
		i := 0
		hang := func() {
			send([]syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGALRM, syscall.SIGTSTP}[i%4])
			i++
			time.Sleep(time.Millisecond)
		}
		p.becomes(keeper, hang)
		for range 200 {
			hang()
		}
		p.eventually("the daemon answers", func() bool { return p.field("daemon", "keeper_pid") != "" })
		if now := p.pidOf("keeper_pid"); now != keeper {
			t.Fatalf("the keeper was %d and is %d", keeper, now)
		}
	}
	if now := p.pidIn("web:1"); now != web {
		t.Errorf("web:1 was %d and is %d", web, now)
	}
	p.stopWhole()
}

// Whoever stops everything while the keeper becomes another program has stopped it, and no child begins deaf to signals.
func TestAStopDuringAnUpgradeIsHeard(t *testing.T) {
	p := upgrading(t)
	for _, delay := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
		p.command(0, "start", "-d", "--wait=60s")
		keeper := p.pidOf("keeper_pid")
		p.newBinary()
		_ = syscall.Kill(keeper, syscall.SIGUSR2)
		p.becomes(keeper, func() {})
		<-time.After(delay)
		_ = syscall.Kill(keeper, syscall.SIGTERM)
		p.eventually("the keeper ends", func() bool { return !lives(keeper) })
		p.eventually("everything ends", func() bool { return len(belongings(p.dir)) == 0 })
	}
	p.command(0, "start", "-d", "--wait=60s")
	p.newBinary()
	keeper := p.pidOf("keeper_pid")
	p.command(0, "upgrade")
	p.becomes(keeper, func() { time.Sleep(time.Millisecond) })
	p.kill(p.pidOf("pid"))
	p.command(0, "restart", "web")
	// The runtime of Go may block on the daemon's first thread what nobody has asked for.
	const asked = 1<<(syscall.SIGHUP-1) | 1<<(syscall.SIGINT-1) | 1<<(syscall.SIGQUIT-1) | 1<<(syscall.SIGTERM-1) | 1<<(syscall.SIGUSR1-1) | 1<<(syscall.SIGUSR2-1)
	for who, which := range map[string]uint64{"daemon pid": asked, "web:1 pid": math.MaxUint64} {
		id, field, _ := strings.Cut(who, " ")
		p.eventually(who, func() bool { return p.field(id, field) != "" })
		text, _ := os.ReadFile(filepath.Join("/proc", p.field(id, field), "status"))
		_, rest, _ := strings.Cut(string(text), "\nSigBlk:\t")
		mask, _, _ := strings.Cut(rest, "\n")
		if blocked, err := strconv.ParseUint(mask, 16, 64); err != nil || blocked&which != 0 {
			t.Errorf("%s blocks signals: %q", who, mask)
		}
	}
	p.stopWhole()
}
