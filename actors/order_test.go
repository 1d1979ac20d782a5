package actors

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// TestWhatHappensIsToldInOrder: of each run first that it started, then that it ended, however soon; then the next run. A
// failure travels faster than the notes before it, so that a run of a millisecond could end before it had begun.
func TestWhatHappensIsToldInOrder(t *testing.T) {
	brief := shell("brief", "", func(p *spec.Process) {
		p.Up = spec.Command{Argv: []string{"/bin/true"}}
		p.Clones.Count = 8
		p.Restart.After, p.Restart.StableAfter, p.Restart.GiveUp = time.Millisecond, 0, nil
	})
	tr := plant(t, configOf(t, brief))
	type run struct {
		number int
		ended  bool
	}
	var mu sync.Mutex
	latest := map[spec.CloneID]run{}
	runs, wrong := 0, ""
	cancel := tr.Subscribe(func(e event.Record, missed int) {
		mu.Lock()
		defer mu.Unlock()
		last := latest[e.Process]
		switch {
		case missed > 0:
			wrong = fmt.Sprintf("%d events missed", missed)
		case e.Event == "process.started":
			if e.Run != last.number+1 || last.number > 0 && !last.ended {
				wrong = fmt.Sprintf("after %+v: %s", last, e.Message)
			}
			latest[e.Process] = run{number: e.Run}
			runs++
		case e.Event == "process.exited":
			if e.Run != last.number || last.ended || e.Pid == 0 {
				wrong = fmt.Sprintf("after %+v: %s (run %d, pid %d)", last, e.Message, e.Run, e.Pid)
			}
			latest[e.Process] = run{e.Run, true}
		}
	})
	defer cancel()
	if _, err := tr.StartProcesses(t.Context(), StartOrder{Targets: []Target{"r"}}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(60 * time.Second); ; {
		mu.Lock()
		enough, fault := runs >= 1500, wrong
		mu.Unlock()
		if fault != "" {
			t.Fatalf("%s\n%s", fault, tr.story())
		}
		if enough {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("only %d runs\n%s", runs, tr.story())
		}
		time.Sleep(5 * time.Millisecond)
	}
}
