package lifecycle

import (
	"fmt"
	"strings"

	"github.com/dcousineau/phorever/actors/event"
)

// states in the order of the generated page.
var states = []event.State{
	event.Stopped, event.Starting, event.Running, event.Backoff, event.Stopping, event.Paused, event.Exited, event.Fatal,
}

// Page is docs/states.md: the table for people.
func Page() []byte {
	var b strings.Builder
	b.WriteString("# The life of a process\n\n")
	b.WriteString("Generated from the table that the supervisor itself runs on (`actors/internal/lifecycle`). An input that a state does\n")
	b.WriteString("not list changes nothing there.\n")
	for _, state := range states {
		fmt.Fprintf(&b, "\n## %s (%d)\n\n%s\n\n| input | when | becomes | does |\n|---|---|---|---|\n", state, state.Code(), meanings[state])
		for _, r := range table {
			for _, from := range r.in {
				if from == state {
					fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.on, r.when.name, becomes(state, r), does(r.do))
				}
			}
		}
	}
	return []byte(b.String())
}

var meanings = map[event.State]string{
	event.Stopped:  "It does not run, because nobody asked for it or somebody stopped it.",
	event.Starting: "A run was started and has not yet lived `stable_after`.",
	event.Running:  "It runs.",
	event.Backoff:  "It waits to be resurrected.",
	event.Stopping: "A run is being ended: by an order, or because its main process ended and left others behind.",
	event.Paused:   "It stands still and is not resurrected.",
	event.Exited:   "It is done and will not be resurrected.",
	event.Fatal:    "It was given up. With `retry_every` it is tried again from time to time.",
}

func becomes(from event.State, r row) string {
	to := string(r.to)
	if r.to == "" || r.to == from {
		to = "stays"
	}
	if r.change.name != "" {
		to += ", " + r.change.name
	}
	return to
}

func does(effects []Effect) string {
	words := make([]string, len(effects))
	for i, e := range effects {
		words[i] = e.String()
	}
	return strings.Join(words, ", ")
}
