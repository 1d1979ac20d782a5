package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Whoever stops everything right after the keeper or the daemon was killed is told that it has ended when it has, whoever goes on with the
// stop: every descendant is gone, also one with a session of its own, and nothing was started again.
func TestStopWhileAnotherTakesOver(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.configure(`{"defaults": {"resurrect_after": 0, "stable_after": 0}, "processes": [
  {"name": "plain", "clones": 3, "up": "echo started >>plain.%clone%; while :; do sleep 0.1; done"},
  {"name": "tree", "up": "setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & while :; do sleep 0.1; done"}]}`)
	starts := 0
	for _, delay := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond} {
		for _, who := range []string{"keeper_pid", "pid"} {
			p.command(0, "start", "-d", "--wait=60s")
			p.kill(p.pidOf(who))
			<-time.After(delay)
			p.stopWhole()
			starts++
			for clone := 1; clone <= 3; clone++ {
				text, err := os.ReadFile(filepath.Join(p.dir, "plain."+strconv.Itoa(clone)))
				if got := strings.Count(string(text), "\n"); err != nil || got != starts {
					t.Errorf("clone %d was started %d times, want %d", clone, got, starts)
				}
			}
			if t.Failed() {
				t.Fatalf("%s, %s later", who, delay)
			}
		}
	}
}
