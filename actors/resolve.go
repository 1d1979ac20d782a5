package actors

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dcousineau/phorever/spec"
)

// hit is one process that targets mean: the clones, and the role by which it was named.
type hit struct {
	process *spec.Process
	clones  []int  // numbers, in order
	whole   bool   // all clones of it, also ones to come
	role    string // by which it was named
	named   bool   // by its own name
}

// directory is what names mean: a configuration and how many clones its processes have now.
type directory struct {
	config *spec.Config
	count  func(*spec.Process) int
	active map[string]bool // roles; one that vanished from the configuration while it was active can still be named
}

// ResolveTargets says which clones targets mean in a configuration, or returns an *UnknownTarget. In a start a bare word
// means the role first.
func ResolveTargets(config *spec.Config, targets []Target, forStart bool) ([]spec.CloneID, error) {
	d := directory{config, func(p *spec.Process) int { return p.Clones.Number() }, nil}
	hits, _, err := d.resolve(targets, forStart)
	return ids(hits), err
}

func ids(hits []hit) []spec.CloneID {
	var all []spec.CloneID
	for _, h := range hits {
		for _, n := range h.clones {
			if id := h.process.Clone(n); !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	return all
}

// resolve reads targets in order; roles are the roles that were named.
func (d directory) resolve(targets []Target, forStart bool) (hits []hit, roles []string, err error) {
	for _, target := range targets {
		found, role, err := d.one(string(target), forStart)
		if err != nil {
			return nil, nil, err
		}
		if role != "" && !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
		hits = append(hits, found...)
	}
	return hits, roles, nil
}

func (d directory) one(word string, forStart bool) ([]hit, string, error) {
	if word == "all" {
		var all []hit
		for i := range d.config.Processes {
			all = append(all, d.whole(&d.config.Processes[i], ""))
		}
		return all, "", nil
	}
	if name, ok := strings.CutPrefix(word, "@"); ok {
		role := strings.ToLower(name)
		if !d.isRole(role) {
			return nil, "", d.unknown("role", name, d.roleNames(), "@")
		}
		return d.ofRole(role), role, nil
	}
	if name, number, ok := strings.Cut(word, ":"); ok {
		found, err := d.clone(word, name, number)
		return found, "", err
	}
	role, process := strings.ToLower(word), d.process(word)
	isRole := d.isRole(role)
	switch {
	case isRole && process != nil && !forStart && !d.only(role, process):
		return nil, "", &UnknownTarget{
			Message: fmt.Sprintf("%s is a role and a process", word),
			Hint:    fmt.Sprintf("write @%s for the role, %s:* for the process", role, process.ID),
		}
	case isRole:
		return d.ofRole(role), role, nil
	case process != nil:
		return []hit{d.itself(process)}, "", nil
	}
	return nil, "", d.unknown("role or process", word, append(d.roleNames(), d.processNames()...), "")
}

func (d directory) clone(word, name, number string) ([]hit, error) {
	process := d.process(name)
	if process == nil {
		return nil, d.unknown("process", name, d.processNames(), "")
	}
	if number == "*" {
		return []hit{d.itself(process)}, nil
	}
	n, err := strconv.Atoi(number)
	count := d.count(process)
	if err != nil || n < 1 || n > count {
		return nil, &UnknownTarget{
			Message: fmt.Sprintf("unknown clone %s", word),
			Hint:    fmt.Sprintf("%s has %d clones, counted from 1; %s:* is all of them", process.ID, count, process.ID),
		}
	}
	return []hit{{process: process, clones: []int{n}, named: true}}, nil
}

func (d directory) itself(process *spec.Process) hit {
	h := d.whole(process, "")
	h.named = true
	return h
}

func (d directory) whole(process *spec.Process, role string) hit {
	h := hit{process: process, whole: true, role: role}
	for n := 1; n <= d.count(process); n++ {
		h.clones = append(h.clones, n)
	}
	return h
}

func (d directory) ofRole(role string) []hit {
	var all []hit
	for i := range d.config.Processes {
		if p := &d.config.Processes[i]; slices.Contains(p.Roles, role) {
			all = append(all, d.whole(p, role))
		}
	}
	return all
}

func (d directory) isRole(name string) bool { return d.active[name] || d.declared(name) }

func (d directory) declared(name string) bool {
	return slices.ContainsFunc(d.config.Roles, func(r spec.Role) bool { return r.Name == name })
}

// only tells whether the process is all that the role has.
func (d directory) only(role string, process *spec.Process) bool {
	found := d.ofRole(role)
	return len(found) == 1 && found[0].process == process
}

func (d directory) process(name string) *spec.Process {
	id := spec.MachineName(name)
	for i := range d.config.Processes {
		if p := &d.config.Processes[i]; p.ID == id {
			return p
		}
	}
	return nil
}

func (d directory) roleNames() []string {
	var names []string
	for _, r := range d.config.Roles {
		names = append(names, r.Name)
	}
	return names
}

func (d directory) processNames() []string {
	var names []string
	for _, p := range d.config.Processes {
		names = append(names, p.ID)
	}
	return names
}

func (d directory) unknown(kind, word string, among []string, prefix string) error {
	err := &UnknownTarget{Message: fmt.Sprintf("unknown %s %q", kind, word)}
	near := spec.Nearest(word, among)
	switch {
	case len(near) > 0:
		err.Hint = "did you mean " + prefix + strings.Join(near, " or "+prefix) + "?"
	case len(among) > 0:
		slices.Sort(among)
		among = slices.Compact(among)
		err.Hint = "known are " + strings.Join(among[:min(len(among), 12)], ", ")
	}
	return err
}
