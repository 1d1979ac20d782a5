package spec

import (
	"fmt"
	"slices"
	"strings"
)

// written is a process together with where it stands.
type written struct {
	file  *file
	own   *node // as written
	whole *node // with everything filled in
	*Process
}

// processes fills in and converts the processes of all files.
func (l *loader) processes() []written {
	var all []written
	entry := shapes().child("processes").each
	for _, f := range l.files {
		if list := f.tree.get("processes"); list.is(kindList) {
			all = slices.Grow(all, len(list.items))
			l.config.Processes = slices.Grow(l.config.Processes, len(list.items))
		}
	}
	for _, f := range l.files {
		list := f.tree.get("processes")
		if !list.is(kindList) {
			continue
		}
		defaults := fill(entry, objectOnly(f.defaults))
		for _, own := range list.items {
			if !own.is(kindObject) {
				continue
			}
			preset := presets()[overlay(entry.of("preset"), defaults.get("preset"), own.get("preset")).string()]
			whole := overlay(entry, overlay(entry, defaults, preset), own)
			process := whole.process(l.config)
			l.config.Processes = append(l.config.Processes, process)
			all = append(all, written{file: f, own: own, whole: whole})
		}
	}
	for i := range all {
		all[i].Process = &l.config.Processes[i]
	}
	return all
}

// objectOnly is the node where it is an object, else nothing.
func objectOnly(n *node) *node {
	if !n.is(kindObject) {
		return nil
	}
	return n
}

// roles converts the declared roles of all files, then adds those that processes merely mention.
func (l *loader) roles(processes []written) {
	declared := map[string]place{}
	used, mentioned := rolesOf(processes)
	for _, f := range l.files {
		roles := f.tree.get("roles")
		if !roles.is(kindObject) {
			continue
		}
		for _, m := range roles.members {
			path, name := roles.child(m.key), strings.ToLower(m.key)
			if m.key == "" {
				l.report.error(m.at, path, "a role's name must not be empty", "")
				continue
			}
			valid := checkNameText(&l.report, m.at, path, m.key, "role")
			if first, repeated := declared[name]; repeated {
				l.report.error(m.at, path, fmt.Sprintf("repeated role; it stands in %s on line %d already", first.src.shown, first.line()),
					"names of roles are case-insensitive; keep one of the two")
				continue
			}
			declared[name] = m.at
			l.config.Roles = append(l.config.Roles, fill(shapes().child("roles").each, objectOnly(m.value)).role(name))
			if valid && !used[name] {
				l.report.warn(m.at, path, "no process has this role", orElse(didYouMean(name, mentioned), "write it into a process's \"roles\""))
			}
		}
	}
	known := map[string]bool{}
	var names []string
	for name := range declared {
		known[name] = true
		names = append(names, name)
	}
	for _, p := range processes {
		for _, name := range p.Roles {
			if known[name] {
				continue
			}
			known[name] = true
			l.config.Roles = append(l.config.Roles, fill(shapes().child("roles").each).role(name))
			if near := didYouMean(name, names); near != "" {
				l.report.warnAt(p.role(name), fmt.Sprintf("role %q does not stand under \"roles\"", name), near)
			}
		}
	}
}

// role is where a process names the role.
func (w written) role(name string) *node {
	if roles := w.whole.get("roles"); roles.is(kindList) {
		for _, item := range roles.items {
			if strings.EqualFold(item.string(), name) {
				return item
			}
		}
	}
	return w.own
}

// rolesOf are the roles that processes name, once each.
func rolesOf(processes []written) (used map[string]bool, names []string) {
	used = map[string]bool{}
	for _, p := range processes {
		for _, name := range p.Roles {
			if !used[name] {
				used[name] = true
				names = append(names, name)
			}
		}
	}
	return used, names
}
