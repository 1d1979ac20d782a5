package actors

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

func TestAProcessRunsIsResurrectedAndStops(t *testing.T) {
	tr := plant(t, configOf(t, shell("web", "echo up; exec sleep 100", nil)))
	if report := tr.start("r"); !report.OK() || report.Outcomes[0].Did != "started" {
		t.Fatalf("%+v", report)
	}
	first := tr.status("web:1")
	if first.State != event.Running || first.Pid == nil {
		t.Fatalf("%+v", first)
	}
	if err := syscall.Kill(*first.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := tr.await("web:1", "running again", func(p ProcessStatus) bool { return p.State == event.Running && p.Run == 2 })
	if *second.Pid == *first.Pid || second.Restarts != 1 || *second.Exit.Signal != "SIGKILL" || second.Exit.Cause != event.CauseSignaled {
		t.Fatalf("%+v", second)
	}
	report, err := tr.StopProcesses(context.Background(), StopOrder{Targets: []Target{"web"}})
	if err != nil || !report.OK() {
		t.Fatalf("%+v %v", report, err)
	}
	if p := tr.status("web:1"); p.State != event.Stopped || p.Exit.Cause != event.CauseStopped {
		t.Fatalf("%+v", p)
	}
	if syscall.Kill(*second.Pid, 0) == nil {
		t.Fatal("it is alive after stop has returned")
	}
}

func TestGiveUpIsExactAndTouchesNobodyElse(t *testing.T) {
	tr := plant(t, configOf(t,
		shell("bad", "exit 3", func(p *spec.Process) { p.Restart.GiveUp.After = 4; p.Restart.StableAfter = 0 }),
		shell("good", "exec sleep 100", nil)))
	tr.start("r")
	bad, good := tr.await("bad:1", "FATAL", inState(event.Fatal)), tr.status("good:1")
	if bad.Run != 5 || good.Run != 1 || good.State != event.Running {
		t.Fatalf("%+v\n%+v", bad, good)
	}
	tr.awaitTold("process.gave_up", 1)
	if _, err := tr.ResetProcesses(context.Background(), ResetOrder{Targets: []Target{"bad"}}); err != nil {
		t.Fatal(err)
	}
	if bad = tr.await("bad:1", "FATAL again", func(p ProcessStatus) bool { return p.State == event.Fatal && p.Run > 5 }); bad.Run != 10 {
		t.Fatalf("a reset allows as many again: %+v", bad)
	}
	tr.awaitTold("process.gave_up", 2)
}

func TestAStubbornProcessIsKilledAtTheTimeout(t *testing.T) {
	deaf := filepath.Join(t.TempDir(), "deaf")
	tr := plant(t, configOf(t, shell("mule", "trap '' TERM; : >"+deaf+"; while :; do sleep 0.05; done", func(p *spec.Process) {
		p.Stop.Timeout = 200 * time.Millisecond
	})))
	tr.start("r")
	awaitFile(t, deaf)
	begin := time.Now()
	report, err := tr.StopProcesses(context.Background(), StopOrder{Targets: []Target{"mule"}})
	if took := time.Since(begin); err != nil || !report.OK() || took < 200*time.Millisecond || took > 4*time.Second { // the patience of others is 5 s
		t.Fatalf("%+v %v after %s", report, err, took)
	}
	if p := tr.status("mule:1"); p.Exit.Signal == nil || *p.Exit.Signal != "SIGKILL" || p.Exit.Cause != event.CauseStopped {
		t.Fatalf("%+v", p.Exit)
	}
}

func TestAProcessOfTwoRolesRunsOnceAndOutlivesOne(t *testing.T) {
	tr := plant(t, configOf(t, shell("both", "exec sleep 100", func(p *spec.Process) { p.Roles = []string{"a", "b"} })))
	tr.start("a", "b")
	first := tr.status("both:1")
	report, err := tr.StopProcesses(context.Background(), StopOrder{Targets: []Target{"@a"}})
	if err != nil || len(report.Outcomes) != 0 || len(report.Notes) != 2 {
		t.Fatalf("%+v %v", report, err)
	}
	if p := tr.status("both:1"); p.Run != 1 || *p.Pid != *first.Pid || *p.Role != "b" {
		t.Fatalf("%+v", p)
	}
	if _, err := tr.StopProcesses(context.Background(), StopOrder{Targets: []Target{"@b"}}); err != nil {
		t.Fatal(err)
	}
	if p := tr.status("both:1"); p.State != event.Stopped {
		t.Fatalf("%+v", p)
	}
}

func TestOneForAllRestartsSiblingsOnce(t *testing.T) {
	config := configOf(t, shell("a", "exec sleep 100", nil), shell("b", "exec sleep 100", nil), shell("c", "exec sleep 100", nil))
	config.Roles[0].Supervision = spec.OneForAll
	tr := plant(t, config)
	tr.start("r")
	if err := syscall.Kill(*tr.status("b:1").Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, id := range []spec.CloneID{"a:1", "b:1", "c:1"} {
		p := tr.await(id, "running again", func(p ProcessStatus) bool { return p.State == event.Running && p.Run == 2 })
		if failures := map[bool]int{true: 1}[id == "b:1"]; p.FailuresInWindow != failures {
			t.Errorf("%s: %d failures, want %d", id, p.FailuresInWindow, failures)
		}
	}
}

func TestRestForOneRestartsWhatComesAfter(t *testing.T) {
	config := configOf(t, shell("a", "exec sleep 100", nil), shell("b", "exec sleep 100", nil), shell("c", "exec sleep 100", nil))
	config.Roles[0].Supervision = spec.RestForOne
	tr := plant(t, config)
	tr.start("r")
	if err := syscall.Kill(*tr.status("b:1").Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, id := range []spec.CloneID{"b:1", "c:1"} {
		tr.await(id, "running again", func(p ProcessStatus) bool { return p.State == event.Running && p.Run == 2 })
	}
	if p := tr.status("a:1"); p.Run != 1 {
		t.Fatalf("%+v", p)
	}
}

func TestTheLossOfAnEssentialRoleEndsTheDaemon(t *testing.T) {
	config := configOf(t,
		shell("db", "exit 1", func(p *spec.Process) { p.Restart.GiveUp.After = 1; p.Restart.StableAfter = 0 }),
		shell("web", "exec sleep 100", func(p *spec.Process) { p.Roles = []string{"other"} }))
	config.Roles[0].Essential = true
	tr := plant(t, config)
	tr.start()
	select {
	case <-tr.Done():
	case <-time.After(10 * time.Second):
		t.Fatalf("it goes on: %+v", tr.Status())
	}
	if tr.ExitCode() != 1 {
		t.Fatalf("exit code %d", tr.ExitCode())
	}
}

func TestAnEssentialProcessThatIsDoneEndsTheDaemonInOrder(t *testing.T) {
	config := configOf(t, shell("job", "exit 0", func(p *spec.Process) { p.Restart.Resurrect = spec.ResurrectNever }))
	config.Roles[0].Essential = true
	tr := plant(t, config)
	tr.StartProcesses(context.Background(), StartOrder{Wait: time.Second})
	<-tr.Done()
	if tr.ExitCode() != 0 {
		t.Fatalf("exit code %d", tr.ExitCode())
	}
}

func TestARoleGivesUpAsAWhole(t *testing.T) {
	config := configOf(t,
		shell("a", "sleep 0.05; exit 1", nil), shell("b", "sleep 0.05; exit 1", nil), shell("c", "exec sleep 100", nil))
	config.Roles[0].GiveUp = &spec.GiveUp{After: 5, Within: time.Minute}
	tr := plant(t, config)
	tr.start("r")
	for _, id := range []spec.CloneID{"a:1", "b:1", "c:1"} {
		p := tr.await(id, "FATAL", inState(event.Fatal))
		if !strings.Contains(p.Reason, "role r gave up: 6 failures") {
			t.Errorf("%s: %s", id, p.Reason)
		}
	}
}

func TestHealingTriesAndRecovers(t *testing.T) {
	config := configOf(t, shell("sick", "test -e well && exec sleep 100; exit 1", func(p *spec.Process) {
		p.Restart.StableAfter = 0
		p.Restart.GiveUp = &spec.GiveUp{After: 1, Within: time.Minute, RetryEvery: 100 * time.Millisecond}
	}))
	tr := plant(t, config)
	tr.start("r")
	tr.await("sick:1", "tried again", func(p ProcessStatus) bool { return p.Run >= 4 })
	tr.awaitTold("process.gave_up", 1)
	if err := os.WriteFile(filepath.Join(config.Directory, "well"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tr.await("sick:1", "up", inState(event.Running))
}

func TestPauseStandsStillAndResumeGoesOn(t *testing.T) {
	tr := plant(t, configOf(t, shell("web", "exec sleep 100", nil)))
	tr.start("r")
	ctx := context.Background()
	if _, err := tr.PauseProcesses(ctx, PauseOrder{[]Target{"web"}}); err != nil {
		t.Fatal(err)
	}
	pid := *tr.await("web:1", "paused", inState(event.Paused)).Pid
	stopped := func() bool {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return strings.Contains(string(stat), ") T ")
	}
	for deadline := time.Now().Add(5 * time.Second); !stopped(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("SIGSTOP has not come")
		}
	}
	if _, err := tr.ResumeProcesses(ctx, ResumeOrder{[]Target{"web"}}); err != nil {
		t.Fatal(err)
	}
	if p := tr.status("web:1"); p.State != event.Running || *p.Pid != pid {
		t.Fatalf("%+v", p)
	}
	if _, err := tr.PauseProcesses(ctx, PauseOrder{[]Target{"web"}}); err != nil {
		t.Fatal(err)
	}
	report, err := tr.StopProcesses(ctx, StopOrder{Targets: []Target{"web"}})
	if err != nil || !report.OK() {
		t.Fatalf("a paused process stops: %+v %v", report, err)
	}
}

// A hundred restarts, kills and stops at once: never two copies (each holds a lock that a second copy could not take),
// every order answers, and it ends as the last order says.
func TestStormOfOrders(t *testing.T) {
	config := configOf(t, shell("web", `exec 9>lock; flock -n 9 || { echo two >> doubled; exit 9; }; exec sleep 100`, func(p *spec.Process) {
		p.Restart.GiveUp = nil
		p.Restart.After = 0
	}))
	tr := plant(t, config)
	tr.start("r")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	results := make(chan error, 300)
	for i := range 100 {
		go func() {
			_, err := tr.RestartProcesses(ctx, RestartOrder{Targets: []Target{"web"}, Wait: 30 * time.Second})
			results <- err
		}()
		go func() {
			if p := tr.Status()[0]; p.Pid != nil && i%3 == 0 {
				_, err := tr.SignalProcesses(ctx, SignalOrder{Signal: "KILL", Targets: []Target{"web"}})
				results <- err
				return
			}
			results <- nil
		}()
		go func() {
			if i%5 != 0 {
				results <- nil
				return
			}
			_, err := tr.StopProcesses(ctx, StopOrder{Targets: []Target{"web"}})
			results <- err
		}()
	}
	for range 300 {
		if err := <-results; err != nil {
			t.Fatalf("%v\n%s", err, tr.story())
		}
	}
	if report := tr.start("web"); !report.OK() {
		t.Fatalf("%+v", report)
	}
	if doubled, err := os.ReadFile(filepath.Join(config.Directory, "doubled")); err == nil {
		t.Fatalf("two copies at once: %s\n%s", doubled, tr.story())
	}
	if p := tr.status("web:1"); p.State != event.Running {
		t.Fatalf("%+v", p)
	}
}
