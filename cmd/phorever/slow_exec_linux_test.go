package main

import (
	"os"
	"os/exec"
	"path/filepath"
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
	daemon, keeper := p.pidOf("pid"), p.pidOf("keeper_pid")
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
	var forks []int
	p.eventually("there is a fork", func() bool {
		forks = unexecuted(keeper, daemon)
		return len(forks) > 0
	})
	begun := time.Now()
	_ = syscall.Kill(daemon, syscall.SIGKILL)
	p.eventually("the next daemon is there", func() bool { return p.prepare("status").Run() != nil || p.pidOf("pid") != daemon })
	p.command(0, "start", "late", "--wait=50s")
	time.Sleep(time.Until(begun.Add(slow + time.Second)))
	for _, fork := range forks {
		if words, _ := os.ReadFile(proc(fork, "cmdline")); strings.HasPrefix(string(words), "misbehave\x00") {
			t.Errorf("process %d, begun by the daemon that is gone, is there beside its successor", fork)
		}
	}
	p.secondCopies()
	p.command(0, "stop")
}

// unexecuted are the forks of a daemon that still show its words.
func unexecuted(keeper, daemon int) (forks []int) {
	words, _ := os.ReadFile(proc(daemon, "cmdline"))
	tasks, _ := filepath.Glob(proc(keeper, "task/*/children"))
	for _, task := range tasks {
		children, _ := os.ReadFile(task)
		for child := range strings.FieldsSeq(string(children)) {
			pid, _ := strconv.Atoi(child)
			if its, _ := os.ReadFile(proc(pid, "cmdline")); pid != daemon && len(words) > 0 && string(its) == string(words) {
				forks = append(forks, pid)
			}
		}
	}
	return forks
}
