package actors

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// tree is a running System for one test, over real children.
type tree struct {
	*System
	t      *testing.T
	config *spec.Config
}

// shell is a process that runs a shell script; change may be nil.
func shell(name, script string, change func(*spec.Process)) spec.Process {
	p := spec.Process{
		Name: name, ID: name, Roles: []string{"r"}, Up: spec.Command{Argv: []string{"/bin/sh", "-c", script}},
		Clones: spec.Clones{Count: 1}, Autostart: true, Pause: "STOP",
		Restart: spec.Restart{
			Resurrect: spec.ResurrectAlways, After: 20 * time.Millisecond, StableAfter: 10 * time.Millisecond, SuccessExitCodes: []int{0},
			Backoff: spec.Backoff{Factor: 1, Max: time.Minute}, GiveUp: &spec.GiveUp{After: 10, Within: time.Minute},
		},
		Stop: spec.Stop{Signals: []spec.Signal{"TERM"}, Timeout: 5 * time.Second, Scope: spec.ScopeMain},
		Log:  spec.ProcessLog{Forward: true, Stdout: "%name%.log", Stderr: "%name%.err", OnFull: spec.OnFullDrop, MaxLine: 64 << 10},
	}
	if change != nil {
		change(&p)
	}
	return p
}

func configOf(t *testing.T, processes ...spec.Process) *spec.Config {
	t.Helper()
	config := &spec.Config{Timezone: time.UTC, Directory: t.TempDir(), Processes: processes}
	config.Logging.Directory = filepath.Join(config.Directory, "logs")
	for i := range config.Processes {
		p := &config.Processes[i]
		if p.Directory == "" {
			p.Directory = config.Directory
		}
		for _, role := range p.Roles {
			if !slices.ContainsFunc(config.Roles, func(r spec.Role) bool { return r.Name == role }) {
				config.Roles = append(config.Roles, spec.Role{Name: role, Supervision: spec.OneForOne, MaxUnavailable: 1})
			}
		}
	}
	return config
}

func plant(t *testing.T, config *spec.Config) *tree {
	t.Helper()
	return plantWith(t, config, nil)
}

// plantWith is plant with what an earlier daemon has left.
func plantWith(t *testing.T, config *spec.Config, saved map[string][]byte) *tree {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := Start(config, Options{Log: log, Self: os.Args[0], Saved: saved})
	if err != nil {
		t.Fatal(err)
	}
	tr := &tree{s, t, config}
	t.Cleanup(func() {
		s.Shutdown("the test is over")
		select {
		case <-s.Done():
		case <-time.After(20 * time.Second):
			t.Errorf("the tree does not end: %+v", s.Status())
		}
	})
	return tr
}

func (tr *tree) start(targets ...Target) Report {
	tr.t.Helper()
	report, err := tr.StartProcesses(context.Background(), StartOrder{Targets: targets, Wait: 10 * time.Second})
	if err != nil {
		tr.t.Fatal(err)
	}
	return report
}

func (tr *tree) status(id spec.CloneID) ProcessStatus {
	tr.t.Helper()
	for _, p := range tr.Status() {
		if p.ID == id {
			return p
		}
	}
	tr.t.Fatalf("no %s in %+v", id, tr.Status())
	return ProcessStatus{}
}

// await waits for the read-model to show what is looked for.
func (tr *tree) await(id spec.CloneID, what string, is func(ProcessStatus) bool) ProcessStatus {
	tr.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		all := tr.Status()
		i := slices.IndexFunc(all, func(p ProcessStatus) bool { return p.ID == id })
		if i >= 0 && is(all[i]) {
			return all[i]
		} else if time.Now().After(deadline) {
			tr.t.Fatalf("%s: never %s: %+v\n%s", id, what, all, tr.story())
		}
	}
}

func (tr *tree) story() string {
	var lines []string
	for _, r := range tr.Events() {
		lines = append(lines, r.Time.Format("05.000 ")+r.Message)
	}
	return strings.Join(lines, "\n")
}

func (tr *tree) count(name string) int {
	n := 0
	for _, r := range tr.Events() {
		if r.Event == name {
			n++
		}
	}
	return n
}

// awaitTold waits for a fact to have been told so many times, and not once more: a give-up is told when the last lines were read,
// thus after status shows it.
func (tr *tree) awaitTold(name string, times int) {
	tr.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); tr.count(name) < times && time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
	}
	if n := tr.count(name); n != times {
		tr.t.Fatalf("%s was told %d times, want %d\n%s", name, n, times, tr.story())
	}
}

func inState(state event.State) func(ProcessStatus) bool {
	return func(p ProcessStatus) bool { return p.State == state }
}
