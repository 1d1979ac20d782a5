package spec

import (
	"fmt"
	"time"
)

// Action is what a reload must do with one process.
type Action string

// The actions of a reload, as `plan` prints them.
const (
	ActionNothing Action = "nothing"
	ActionApply   Action = "apply live" // policy: takes effect without touching what runs
	ActionRestart Action = "restart"
	ActionStart   Action = "start" // new in the configuration
	ActionStop    Action = "stop"  // gone from the configuration
	ActionResize  Action = "resize"
)

// Change is one process's part of a reload. Several actions of one process are several changes (resize and apply live).
type Change struct {
	Process string   `json:"process"` // machine name; "" is the daemon itself
	Action  Action   `json:"action"`
	Why     []string `json:"why"`            // one short sentence each: `env: QUEUE changed`
	From    int      `json:"from,omitempty"` // clones, of a resize
	To      int      `json:"to,omitempty"`
}

// Diff is what a reload from one configuration to the other must do: the daemon's own part first, then each process in
// the order of the new file, then those that are gone. A process that is not listed is not touched. Processes are known
// by their machine names, so a changed name is a stop and a start. What an env_file holds is not part of a Config:
// a changed content is seen by the next start of a process, and is no reason for one.
func Diff(from, to *Config) []Change {
	old := map[string]*Process{}
	for i := range from.Processes {
		old[from.Processes[i].ID] = &from.Processes[i]
	}
	changes := changesOf("", daemonReasons(from, to))
	for i := range to.Processes {
		p := &to.Processes[i]
		before, known := old[p.ID]
		delete(old, p.ID)
		if !known {
			changes = append(changes, Change{Process: p.ID, Action: ActionStart, Why: []string{whyNew(p)}})
			continue
		}
		changes = append(changes, changesOf(p.ID, processReasons(from, to, before, p))...)
		if n, m := before.Clones.Number(), p.Clones.Number(); n != m {
			changes = append(changes, Change{Process: p.ID, Action: ActionResize, From: n, To: m,
				Why: []string{fmt.Sprintf("clones: %s → %s", before.Clones.counted(), p.Clones.counted())}})
		}
	}
	for i := range from.Processes {
		if p := &from.Processes[i]; old[p.ID] == p {
			changes = append(changes, Change{Process: p.ID, Action: ActionStop, Why: []string{"not in the configuration any more"}})
		}
	}
	return changes
}

// Refused are the changes that a running daemon cannot follow, because others find it and its state by these paths.
// A reload that has any is refused as a whole.
func Refused(from, to *Config) Problems {
	var problems Problems
	refuse := func(key, old, new string) {
		if old != new {
			problem, placed := to.places[key]
			if !placed {
				problem = Problem{File: to.Path, Severity: SeverityError, Path: key}
			}
			problem.Message = fmt.Sprintf("cannot change while the daemon runs (%s → %s)", orElse(old, "the default"), orElse(new, "the default"))
			problem.Hint = "stop the daemon and start it again, or write the old path"
			problems = append(problems, problem)
		}
	}
	refuse("pidfile", from.Pidfile, to.Pidfile)
	refuse("state_directory", from.StateDirectory, to.StateDirectory)
	return problems
}

func whyNew(p *Process) string {
	switch {
	case !p.Clones.Auto && p.Clones.Count == 0:
		return "new in the configuration, parked with 0 clones"
	case !p.Autostart:
		return "new in the configuration; it starts only by name"
	}
	return "new in the configuration"
}

// counted is the number of clones as it is written and, where that is no number, as it counts.
func (c Clones) counted() string {
	if c.Auto {
		return fmt.Sprintf("auto (%d)", c.Number())
	}
	return c.String()
}

// reasons collects why, in the order of the reference.
type reasons struct {
	restart, apply []string
}

func (r *reasons) add(action Action, why string) {
	if action == ActionRestart {
		r.restart = append(r.restart, why)
	} else {
		r.apply = append(r.apply, why)
	}
}

func changesOf(process string, r reasons) []Change {
	var changes []Change
	if len(r.restart) > 0 {
		changes = append(changes, Change{Process: process, Action: ActionRestart, Why: r.restart})
	}
	if len(r.apply) > 0 {
		changes = append(changes, Change{Process: process, Action: ActionApply, Why: r.apply})
	}
	return changes
}

// daemonReasons is what changes beside the processes.
func daemonReasons(from, to *Config) reasons {
	var r reasons
	compare(&r, ActionApply, "timezone", zoneName(from.Timezone), zoneName(to.Timezone), text)
	compare(&r, ActionApply, "sample_every", from.SampleEvery, to.SampleEvery, writtenDuration)
	if old, new := from.Logging.Directory, to.Logging.Directory; old != new {
		r.add(ActionApply, fmt.Sprintf("logging.directory: %s → %s (the daemon's own log stays where it is until the daemon is started anew)", old, new))
	}
	if old, new := from.Logging.Format, to.Logging.Format; old != new {
		r.add(ActionApply, fmt.Sprintf("logging.format: %s → %s (the daemon's own log stays as it is until the daemon is started anew)", old, new))
	}
	newsReasons(&r, from, to)
	for i := range to.Roles {
		for j := range from.Roles {
			// A role that comes or goes is nothing by itself: its processes are listed.
			if from.Roles[j].Name == to.Roles[i].Name {
				roleReasons(&r, &from.Roles[j], &to.Roles[i])
			}
		}
	}
	return r
}

func roleReasons(r *reasons, old, new *Role) {
	key := "roles." + new.Name + "."
	compare(r, ActionApply, key+"supervision", old.Supervision, new.Supervision, text)
	compare(r, ActionApply, key+"max_unavailable", old.MaxUnavailable, new.MaxUnavailable, text)
	compare(r, ActionApply, key+"essential", old.Essential, new.Essential, text)
	giveUpReasons(r, key+"give_up", old.GiveUp, new.GiveUp)
}

func zoneName(zone *time.Location) string {
	if zone == nil {
		return "UTC"
	}
	return zone.String()
}
