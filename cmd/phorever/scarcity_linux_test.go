package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A child that forks without end takes all the processes that its user may have, threads among them. Others end and are to come back
// meanwhile. Neither daemon nor keeper may need a thread that it does not have; what could not be forked comes back afterwards.
func TestProcessesRunOut(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may be a user of whom there are no processes yet")
	}
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("needs prlimit")
	}
	t.Parallel()
	p := newProject(t)
	p.user = uint32(3_000_000 + os.Getpid())
	p.program = filepath.Join(p.dir, "phorever") // other users may not run the first one
	p.newBinary()
	for _, directory := range []string{p.dir, filepath.Join(p.dir, ".run")} {
		if err := os.Chown(directory, int(p.user), int(p.user)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(p.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	p.configure(`{"processes": [
		{"name": "bomb", "up": ["sh", "-c", "while [ ! -e begin ]; do sleep 0.1; done; while [ ! -e enough ]; do sleep 0.7 & done 2>/dev/null; exec sleep 1000"], "give_up": false, "resurrect_after": "100ms"},
		{"name": "fickle", "clones": 8, "up": ["sh", "-c", "[ -e enough ] || sleep 0.05 && [ -e enough ] && exec sleep 1000; echo word; exit 1"], "give_up": false, "resurrect_after": 0},
		{"name": "good", "clones": 3, "up": ["sleep", "1000"]},
	]}`)
	start := p.prepare("start", "-d", "--wait=0s") // with a daemon that has needed few threads yet
	limited := exec.Command("prlimit", append([]string{"--nproc=60:60", start.Path}, start.Args[1:]...)...)
	limited.Dir, limited.Env, limited.SysProcAttr = start.Dir, start.Env, start.SysProcAttr
	if out, err := limited.CombinedOutput(); err != nil {
		t.Fatalf("start: %v\n%s", err, out)
	}
	p.eventually("what shall stay is there", func() bool { return p.stateOf("good:1") == "RUNNING" })
	run := p.field("good:1", "run")
	p.replace("begin", "")
	time.Sleep(8 * time.Second) // of want
	p.replace("enough", "")
	p.eventually("there is room again", func() bool { return p.prepare("version").Run() == nil })
	p.command(0, "start", "--wait=50s")
	text, err := os.ReadFile(filepath.Join(p.dir, "logs", "phorever.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d forks failed", strings.Count(string(text), "resource temporarily unavailable"))
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "keeper:") || strings.Contains(line, "daemon.recovered") {
			t.Errorf("daemon or keeper did not survive: %s", line)
		}
	}
	if now := p.field("good:1", "run"); now != run {
		t.Errorf("good:1 was in its run %s, and is in its run %s", run, now)
	}
	p.command(0, "stop")
}
