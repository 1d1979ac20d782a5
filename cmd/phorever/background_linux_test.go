package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const bareDaemons = `{
  "defaults": {"resurrect_after": "50ms", "stop": {"timeout": "2s"}},
  "processes": [
    {"name": "other", "up": "exec sleep 300"},
    {"name": "same", "clones": 2, "up": ["/usr/bin/env", "-i", "/bin/sh", "same.sh"], "daemonizes": true},
    {"name": "doubt", "up": ["/usr/bin/env", "-i", "/bin/sh", "doubt.sh"], "daemonizes": {"within": "1s"}},
  ],
}`

const sameScript = `if [ "$1" ]; then
  echo $$ >same.$1
  while :; do /bin/sleep 0.1; done
fi
(setsid /bin/sh same.sh $$ >/dev/null 2>&1 </dev/null &)
/bin/sleep 0.3
`

const doubtScript = `echo once more >>tries
(setsid /bin/sleep 300 >/dev/null 2>&1 </dev/null &)
/bin/sleep 0.3
`

// TestWhatHidesBeforeItIsSeen has programs put into the background what bears nothing of them, and nobody saw it come. What can only be of
// its run is followed; of what may be another's no second copy is made, however often that is asked for.
func TestWhatHidesBeforeItIsSeen(t *testing.T) {
	t.Parallel()
	p := failing(t)
	p.configure(bareDaemons)
	p.replace("same.sh", sameScript)
	p.replace("doubt.sh", doubtScript)
	p.arm("service.watch EIO always")
	p.command(0, "start", "-d", "same", "other")
	followed := map[string]bool{}
	for _, name := range p.files("same.[0-9]*") {
		followed[strings.TrimSpace(p.read(name))] = true
	}
	for _, id := range []string{"same:1", "same:2"} {
		pid := p.field(id, "pid")
		if !followed[pid] || p.field(id, "run") != "1" {
			t.Errorf("%s is process %s in run %s, want one of %v in the first", id, pid, p.field(id, "run"), followed)
		}
		delete(followed, pid)
	}

	p.command(1, "start", "doubt")
	p.command(1, "start", "doubt")
	if said := p.command(0, "why", "doubt"); !strings.Contains(said, "no copy is started beside it") {
		t.Errorf("it gives no reason:\n%s", said)
	}
	if tries := strings.Count(p.read("tries"), "\n"); tries != 1 {
		t.Errorf("it was started %d times, want once", tries)
	}
	for _, b := range belongings(p.dir) {
		if b.commandLine() == "/bin/sleep 300" {
			_ = syscall.Kill(b.pid, syscall.SIGKILL)
			p.eventually("it is gone", func() bool { return !lives(b.pid) })
		}
	}
	p.command(1, "start", "doubt")
	if tries := strings.Count(p.read("tries"), "\n"); tries != 2 {
		t.Errorf("it was started %d times, want another time when the first was gone", tries)
	}
	p.command(0, "stop")
	for _, b := range belongings(p.dir) {
		t.Errorf("%s lives on", b.commandLine())
	}
}

func (p *project) files(pattern string) (names []string) {
	found, _ := filepath.Glob(filepath.Join(p.dir, pattern))
	for _, path := range found {
		if _, err := strconv.Atoi(strings.TrimPrefix(filepath.Ext(path), ".")); err == nil {
			names = append(names, filepath.Base(path))
		}
	}
	return names
}

func (p *project) read(name string) string {
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Error(err)
	}
	return string(text)
}
