package lifecycle

import (
	"slices"

	"github.com/dcousineau/phorever/actors/event"
)

// Step is the machine after the input, and what is to be carried out. known is false when the table has no answer: the
// input does not matter in this state, and nothing changed.
func Step(m Machine, input Input) (next Machine, do []Effect, known bool) {
	seen := m
	if !m.Live && (input == RunSpawned || input == RunStuck || input == MainGone) {
		return seen, nil, false // a note that its run's end has overtaken
	}
	if m.Live && ends(input) {
		m.Live, m.Up, m.Stale = false, false, false
	}
	for _, r := range table {
		if r.on != input || !slices.Contains(r.in, m.State) || r.when.test != nil && !r.when.test(seen) {
			continue
		}
		return follow(m, r), r.do, true
	}
	if ends(input) {
		m.Healing = false
		return m, nil, false // an end is an end, whatever else is ignored
	}
	return seen, nil, false
}

func follow(m Machine, r row) Machine {
	if r.on == RunSpawned {
		m.Up = true
	}
	if ends(r.on) {
		m.Healing = false
	}
	if r.to != "" {
		m.State, m.Stale = r.to, false
	}
	m.Held = false
	if r.change.make != nil {
		r.change.make(&m)
	}
	if slices.Contains(r.do, StartRun) {
		m.Run++
		m.Live, m.Up, m.Next = true, false, NextStopped
	}
	switch m.State {
	case event.Starting, event.Stopping:
	case event.Paused:
		m.Healing, m.Restarting = false, false
	default:
		m.Restarting = false
	}
	return m
}

// ends tells the inputs that say that the run is over.
func ends(input Input) bool { return input >= RunEndedAgain && input <= RunGone }
