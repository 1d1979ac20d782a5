package actors

import (
	"slices"

	"github.com/dcousineau/phorever/spec"
)

// intent is what the operator wants, beside the configuration: which roles are active, which processes were started or
// stopped by name, how many clones were asked for. It decides nothing but "should this clone run".
type intent struct {
	active map[string]bool
	whole  map[string]choice       // by process, for all its clones, also ones to come
	single map[spec.CloneID]choice // wins over whole
	scaled map[string]int          // by process, until `clones` changes in the file

	everything bool // was started, and with it what the file names later
}

// choice is what was ordered by name.
type choice int

const (
	byRole choice = iota // nothing was: it runs while one of its roles is active
	run
	halt
)

func newIntent() intent {
	return intent{active: map[string]bool{}, whole: map[string]choice{}, single: map[spec.CloneID]choice{}, scaled: map[string]int{}}
}

func (i intent) choice(process *spec.Process, number int) choice {
	if c, ok := i.single[process.Clone(number)]; ok {
		return c
	}
	return i.whole[process.ID]
}

// wants tells whether the clone should run.
func (i intent) wants(process *spec.Process, number int) bool {
	switch i.choice(process, number) {
	case run:
		return true
	case halt:
		return false
	case byRole:
	}
	return process.Autostart && i.activeRole(process) != ""
}

// activeRole is the first of the process's roles that is active.
func (i intent) activeRole(process *spec.Process) string {
	for _, role := range process.Roles {
		if i.active[role] {
			return role
		}
	}
	return ""
}

// follow notes what a start of everything means for the processes without a role that a configuration adds, and says which roles it adds.
func (i intent) follow(old, next *spec.Config) (roles []string) {
	if !i.everything {
		return nil
	}
	before := directory{config: old}
	for n := range next.Processes {
		if p := &next.Processes[n]; len(p.Roles) == 0 && p.Autostart && before.process(p.ID) == nil {
			i.whole[p.ID] = run
		}
	}
	for _, role := range next.Roles {
		if !before.declared(role.Name) {
			roles = append(roles, role.Name)
		}
	}
	return roles
}

// starts tells whether a process that a configuration adds is started with it.
func (s treeShaped) starts(p *spec.Process) bool {
	if !p.Autostart {
		return false
	}
	d := directory{config: s.Config}
	return s.Everything && len(p.Roles) == 0 || slices.ContainsFunc(p.Roles, func(role string) bool {
		return slices.Contains(s.Active, role) || s.Everything && !d.declared(role)
	})
}

// choose notes an order by name.
func (i intent) choose(h hit, c choice) {
	if h.whole {
		i.whole[h.process.ID] = c
		for _, n := range h.clones {
			delete(i.single, h.process.Clone(n))
		}
		return
	}
	for _, n := range h.clones {
		i.single[h.process.Clone(n)] = c
	}
}

// release undoes orders of one kind, so that the roles decide again.
func (i intent) release(h hit, c choice) {
	if i.whole[h.process.ID] == c {
		delete(i.whole, h.process.ID)
	}
	for _, n := range h.clones {
		if i.single[h.process.Clone(n)] == c {
			delete(i.single, h.process.Clone(n))
		}
	}
}

// forget drops what was ordered of processes that the configuration does not name any more.
func (i intent) forget(config *spec.Config) {
	known := func(id string) bool { return directory{config: config}.process(id) != nil }
	for id := range i.whole {
		if !known(id) {
			delete(i.whole, id)
		}
	}
	for id := range i.scaled {
		if !known(id) {
			delete(i.scaled, id)
		}
	}
	for id := range i.single {
		if name, _ := id.Split(); !known(name) {
			delete(i.single, id)
		}
	}
}
