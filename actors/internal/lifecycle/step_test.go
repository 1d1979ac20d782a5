package lifecycle

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/actors/event"
)

var update = flag.Bool("update", false, "rewrite generated files")

// possible tells which inputs the world can produce: a run that is not alive cannot end, and only a run that is being
// stopped ends by order.
func possible(m Machine, input Input) bool {
	switch {
	case input == RunSpawned, input == RunStuck:
		return m.Live && !m.Up
	case input == MainGone:
		return m.Live && m.Up && m.State != event.Stopping
	case input == DeadlinePassed: // armed only once there is a pid, or where the end was ordered
		return !m.Live || m.Up || m.State == event.Stopping
	case input == RunGone:
		return m.Live && (m.State == event.Stopping && m.Next != NextVerdict || m.State == event.Paused)
	case ends(input):
		return m.Live && (m.State != event.Stopping || m.Next == NextVerdict) && m.State != event.Paused
	}
	return true
}

// check is what must hold in every machine, whatever led there.
func check(m Machine) error {
	switch m.State {
	case event.Starting, event.Running, event.Stopping:
		if !m.Live {
			return fmt.Errorf("%s without a run", m.State)
		}
	case event.Stopped, event.Exited, event.Fatal:
		if m.Live {
			return fmt.Errorf("%s with a live run", m.State)
		}
	}
	if m.State == event.Running && !m.Up {
		return fmt.Errorf("RUNNING without a pid")
	}
	if m.Held && m.State != event.Backoff {
		return fmt.Errorf("held in %s", m.State)
	}
	if m.Stale && (m.State != event.Paused || !m.Live) {
		return fmt.Errorf("out of date in %s", m.State)
	}
	if m.Healing && !slices.Contains([]event.State{event.Starting, event.Running, event.Stopping, event.Backoff, event.Fatal}, m.State) {
		return fmt.Errorf("healing in %s", m.State)
	}
	return nil
}

// The whole machine is small enough to be visited: every reachable state with every possible input.
func TestEveryReachableStepKeepsTheInvariants(t *testing.T) {
	seen := map[Machine]bool{}
	used := map[int]bool{}
	queue := []Machine{New()}
	for len(queue) > 0 {
		m := queue[0]
		queue = queue[1:]
		for input := range inputs {
			if !possible(m, input) {
				continue
			}
			next, do, known := Step(m, input)
			if known {
				used[rowOf(m, input)] = true
			}
			if slices.Contains(do, StartRun) && m.Live && !ends(input) {
				t.Fatalf("%+v on %q starts a second copy", m, input)
			}
			if err := check(next); err != nil {
				t.Fatalf("%+v on %q: %v", m, input, err)
			}
			next.Run = 0
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	for i, r := range table {
		if !used[i] {
			t.Errorf("row %d is dead: %v on %q when %q", i, r.in, r.on, r.when.name)
		}
	}
	t.Logf("%d machines visited", len(seen))
}

func rowOf(m Machine, input Input) int {
	return slices.IndexFunc(table, func(r row) bool {
		return r.on == input && slices.Contains(r.in, m.State) && (r.when.test == nil || r.when.test(m))
	})
}

// Whatever happened before, a stop that is followed by nothing but the world ends in STOPPED, and a start in a live run.
func TestTheLastOrderDecides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := New()
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			input := Input(rapid.IntRange(0, int(inputs)-1).Draw(t, "input"))
			if possible(m, input) {
				next, do, _ := Step(m, input)
				if next.Live && slices.Contains(do, AbandonRun) {
					t.Fatalf("%s abandons the living run of %+v: nobody would hear of its end", input, m)
				}
				m = next
			}
		}
		stopped, _, _ := Step(m, StopOrdered)
		for range 4 {
			if stopped.Live && !stopped.Up {
				stopped, _, _ = Step(stopped, RunSpawned)
			}
			if stopped.Live {
				stopped, _, _ = Step(stopped, RunGone)
			}
		}
		if stopped.State != event.Stopped {
			t.Fatalf("%+v, stopped, ends in %+v", m, stopped)
		}
		started, _, _ := Step(stopped, StartOrdered)
		if !started.Live || started.State != event.Starting {
			t.Fatalf("%+v does not start: %+v", stopped, started)
		}
	})
}

func TestOverlappingRestartsAreOne(t *testing.T) {
	m := New()
	for _, input := range []Input{StartOrdered, RunSpawned, DeadlinePassed, RestartOrdered, RestartOrdered, RunGone, RestartOrdered, RunSpawned, RestartOrdered} {
		m, _, _ = Step(m, input)
	}
	if m.Run != 2 || m.State != event.Starting {
		t.Fatalf("want run 2 STARTING, got %+v", m)
	}
	m, _, _ = Step(m, DeadlinePassed)
	m, _, _ = Step(m, RestartOrdered)
	if m.State != event.Stopping {
		t.Fatalf("a restart after the other has settled is a restart of its own: %+v", m)
	}
}

func TestStatesPageIsFresh(t *testing.T) {
	path := filepath.Join("..", "..", "..", "docs", "states.md")
	if *update {
		if err := os.WriteFile(path, Page(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(have, Page()) {
		t.Fatalf("%s is stale: go test ./actors/internal/lifecycle -update (%v)", path, err)
	}
}

// TestANoteThatItsEndHasOvertakenChangesNothing: a failure travels faster than the notes before it.
func TestANoteThatItsEndHasOvertakenChangesNothing(t *testing.T) {
	for _, state := range []event.State{event.Stopped, event.Starting, event.Running, event.Backoff, event.Stopping, event.Exited, event.Fatal, event.Paused} {
		m := New()
		m.State = state
		for _, input := range []Input{RunSpawned, RunStuck, MainGone} {
			if next, do, known := Step(m, input); next != m || len(do) > 0 || known {
				t.Errorf("%s in %s without a run: %+v, %v", input, state, next, do)
			}
		}
	}
}
