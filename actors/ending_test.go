package actors

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// awaitFile waits until a process has made a file.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	for begin := time.Now(); ; <-time.After(10 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("%s is not there", path)
		}
	}
}

// A role that is lost with several processes at once is lost once: what else runs has its time to stop.
func TestTheLossOfAnEssentialRoleHurriesNobody(t *testing.T) {
	fails := func(p *spec.Process) { p.Clones.Count, p.Restart.StableAfter = 3, 0 }
	config := configOf(t, shell("bad", "exit 1", fails), shell("db", "trap 'sleep 1; : >gently; exit 0' TERM; : >deaf; while :; do sleep 0.05; done", func(p *spec.Process) {
		p.Roles, p.Stop.Timeout = []string{"other"}, 20*time.Second
	}))
	config.Roles[0].Essential, config.Roles[0].GiveUp = true, &spec.GiveUp{After: 5, Within: time.Minute}
	tr := plant(t, config)
	tr.start("other")
	awaitFile(t, filepath.Join(config.Directory, "deaf"))
	if _, err := tr.StartProcesses(context.Background(), StartOrder{Targets: []Target{"r"}}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-tr.Done():
	case <-time.After(20 * time.Second):
		t.Fatalf("it goes on: %+v", tr.Status())
	}
	if _, err := os.Stat(filepath.Join(config.Directory, "gently")); err != nil || tr.ExitCode() != 1 {
		t.Errorf("exit code %d, %v\n%s", tr.ExitCode(), err, tr.story())
	}
}

// A reload may take away the signals that were sent already: KILL comes all the same.
func TestAReloadWithFewerSignalsWhileItStops(t *testing.T) {
	process := func(signals ...spec.Signal) spec.Process {
		return shell("mule", "trap '' INT TERM; : >deaf; while :; do sleep 0.05; done", func(p *spec.Process) {
			p.Stop.Signals, p.Stop.Timeout = signals, 2*time.Second
		})
	}
	config := configOf(t, process("INT", "TERM"))
	tr := plant(t, config)
	tr.start("r")
	awaitFile(t, filepath.Join(config.Directory, "deaf"))
	stopped := make(chan Report, 1)
	go func() {
		report, _ := tr.StopProcesses(context.Background(), StopOrder{Targets: []Target{"mule"}})
		stopped <- report
	}()
	tr.await("mule:1", "got the second signal", func(p ProcessStatus) bool { return strings.Contains(p.Reason, "TERM was sent") })
	other := *config
	other.Processes = []spec.Process{process("TERM")}
	other.Processes[0].Directory = config.Directory
	if _, err := tr.Apply(context.Background(), ApplyOrder{Config: &other}, func() {}); err != nil {
		t.Fatal(err)
	}
	select {
	case report := <-stopped:
		if p := tr.status("mule:1"); !report.OK() || p.Exit.Signal == nil || *p.Exit.Signal != "SIGKILL" || tr.count("daemon.fault") > 0 {
			t.Errorf("%+v, %+v\n%s", report, p, tr.story())
		}
	case <-time.After(15 * time.Second):
		t.Fatalf("it does not stop:\n%s", tr.story())
	}
}
