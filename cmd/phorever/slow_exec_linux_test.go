package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDaemonDiesDuringAnExec kills a daemon while the kernel still looks for the programs that it was starting, as it may for long on
// a slow disk. The next one starts these programs, and what comes of the first attempts is no second copy.
func TestDaemonDiesDuringAnExec(t *testing.T) {
	if exec.Command("strace", "-o", "/dev/null", "true").Run() != nil {
		t.Skip("there is no strace, or it may not trace")
	}
	t.Parallel()
	p := newProject(t)
	p.configure(`{
		"defaults": {"resurrect_after": "50ms", "stable_after": "50ms", "give_up": false},
		"processes": [
			{"name": "stay", "up": ["sleep", "1000"]},
			{"name": "late", "clones": 3, "autostart": false, "up": ["misbehave", "hold-lock", "late.%clone%"]},
		],
	}`)
	p.command(0, "start", "-d", "--wait=60s")
	daemon := p.pidOf("pid")
	words := belonging{pid: daemon}.commandLine()
	const slow = 6 * time.Second // longer than a daemon takes to come back
	tracer := exec.Command("strace", "-f", "-qq", "-p", strconv.Itoa(daemon), "-o", filepath.Join(p.dir, "trace"),
		"-e", "trace=execve", "-e", "inject=execve:delay_enter="+strconv.FormatInt(slow.Microseconds(), 10))
	if err := tracer.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = tracer.Process.Signal(syscall.SIGTERM)
		_ = tracer.Wait()
	}()
	p.eventually("the daemon is traced", func() bool { return traced(daemon) })
	p.command(-1, "start", "late", "--wait=0s")
	var forks []belonging // that still show its words
	p.eventually("there is a fork", func() bool {
		forks = slices.DeleteFunc(belongings(p.dir), func(b belonging) bool { return b.pid == daemon || b.commandLine() != words })
		return len(forks) > 0
	})
	_ = syscall.Kill(daemon, syscall.SIGKILL)
	p.eventually("the next daemon is there", func() bool { return p.prepare("status").Run() != nil || p.pidOf("pid") != daemon })
	p.command(0, "start", "late", "--wait=50s")
	for _, fork := range forks {
		p.eventually("a fork has executed its program, or is gone", func() bool { return fork.commandLine() != words })
		if strings.HasPrefix(fork.commandLine(), "misbehave ") {
			t.Errorf("process %d, begun by the daemon that is gone, is there beside its successor", fork.pid)
		}
	}
	p.secondCopies()
	p.command(0, "stop")
}
