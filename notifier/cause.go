package notifier

import (
	"slices"
	"strings"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// role is what an event does to the incident of its cause.
type role int

const (
	happens role = iota // it is told, and that is all
	fails               // something is not well from now on
	heals               // it is well again, after it was given up or seen to be ill: everybody wants to know at once
	works               // it runs; whether it stays so will be seen
	ends                // it was ended by order: nobody waits for it any more
)

// cause names what an event is about, in such a way that whoever is told of two events with one cause has one thing to repair: all
// clones of a process are one, and an exit, a give-up and an illness of it too.
func cause(r event.Record) (key string, what role) {
	process, _ := r.Process.Split()
	switch r.Event {
	case "process.exited":
		if r.Severity == event.Info {
			return "life of " + process, happens
		}
		return process, fails
	case "process.gave_up", "process.unhealthy", "process.flapping", "process.runaway":
		return process, fails
	case "process.recovered", "process.healthy":
		return process, heals
	case "process.ready":
		return process, works
	case "process.stopped":
		return process, ends
	case "config.rejected":
		return "config", fails
	case "config.applied":
		return "config", heals
	case "log.dropped":
		if r.Over {
			return "log of " + process, heals
		}
		return "log of " + process, fails
	}
	if process != "" {
		return "life of " + process, happens
	}
	subject, _, _ := strings.Cut(r.Event, ".")
	if r.Role != "" {
		subject += " " + r.Role
	}
	return subject, happens
}

// selects tells whether a sink wants an event.
func selects(s *spec.Sink, r event.Record) bool { return Selects(s.On, s.Roles, s.Processes, r) }

// Selects tells whether an event is one that is wanted: one of the selectors selects it, and it is one of these roles and processes; none
// means of any.
func Selects(on []spec.Selector, roles, processes []string, r event.Record) bool {
	return concerns(roles, processes, r) && chosen(on, r)
}

// concerns tells whether an event is one of these roles and processes; none means of any.
func concerns(roles, processes []string, r event.Record) bool {
	process, _ := r.Process.Split()
	return (len(roles) == 0 || slices.Contains(roles, r.Role)) && (len(processes) == 0 || slices.Contains(processes, process))
}

// chosen tells whether one of the selectors selects an event.
func chosen(on []spec.Selector, r event.Record) bool {
	crash := r.Event == "process.exited" && r.Severity != event.Info
	for _, selector := range on {
		if selector.Selects(r.Event, string(r.Severity), crash) {
			return true
		}
	}
	return false
}
