package actors

import (
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/spec"
)

// applyConfig is an ApplyOrder as it reaches the root.
type applyConfig struct {
	ApplyOrder
	Reply chan<- answer
}

// apply makes the tree follow a new configuration: what must restart restarts, what must end ends, what is new and wanted
// starts, and everything else learns its new policy without noticing.
func (r *rootActor) apply(ctx actor.Context, msg applyConfig) {
	if r.refused(msg.Reply, nil) {
		return
	}
	changes := calmed(spec.Diff(r.config, msg.Config), r.shape(), msg.Config)
	restarts := map[string]bool{}
	for _, change := range changes {
		restarts[change.Process] = restarts[change.Process] || change.Action == spec.ActionRestart
	}
	wanted := map[spec.CloneID]bool{}
	for id, s := range r.slots {
		_, number := id.Split()
		wanted[id] = !s.retiring && r.intent.wants(s.process, number)
	}
	r.adopt(msg.Config)
	ctx.Send(r.observers[2], configureHooks{msg.Config})
	ctx.Send(r.observers[3], configureListeners{msg.Config})
	for home, pid := range r.roles {
		ctx.Send(pid, r.configured(home))
	}

	orders := newOrders()
	for i := range r.config.Processes {
		r.applyTo(ctx, &r.config.Processes[i], restarts, wanted, orders)
	}
	for id, s := range r.slots {
		if _, number := id.Split(); !s.retiring && (r.processOf(id) == nil || number > r.count(s.process)) {
			orders.add(id, retireProcess{ID: id, Why: "it is not in the configuration any more"}, goalDown)
		}
	}
	r.house.announce(event.ConfigApplied{Config: msg.Config.Path, Changes: changes})
	r.publish()
	given := r.dispatch(ctx, orders, msg.Wait)
	given.changes = changes
	given.notes = r.vanishedRoles()
	msg.Reply <- given
}

// calmed says what a reload really does: a process of which nothing is wanted learns its new configuration, and does not
// restart; nor does one start that is new, and not among what was started.
func calmed(changes []spec.Change, shape treeShaped, next *spec.Config) []spec.Change {
	runs := map[string]bool{}
	for id, is := range shape.Wanted {
		name, _ := id.Split()
		runs[name] = runs[name] || is
	}
	before := directory{config: shape.Config}
	for i := range next.Processes {
		if p := &next.Processes[i]; before.process(p.ID) == nil {
			runs[p.ID] = shape.starts(p)
		}
	}
	calm := slices.Clone(changes)
	for i, change := range calm {
		if change.Action == spec.ActionResize { // from what somebody has ordered since
			calm[i].From = shape.Counts[change.Process]
		}
		if (change.Action == spec.ActionRestart || change.Action == spec.ActionStart) && !runs[change.Process] {
			calm[i].Action, calm[i].Why = spec.ActionApply, append(slices.Clone(change.Why), "takes effect when it is started")
		}
	}
	return slices.DeleteFunc(calm, func(c spec.Change) bool { return c.Action == spec.ActionResize && c.From == c.To })
}

// adopt makes a configuration the current one. A number of clones that somebody asked for holds until `clones` changes.
func (r *rootActor) adopt(config *spec.Config) {
	old := map[string]spec.Clones{}
	for _, p := range r.config.Processes {
		old[p.ID] = p.Clones
	}
	for _, role := range r.intent.follow(r.config, config) {
		r.activate(role)
	}
	r.config = config
	r.counts = countClones(config)
	for _, p := range config.Processes {
		if before, ok := old[p.ID]; ok && before != p.Clones {
			delete(r.intent.scaled, p.ID)
		}
	}
	r.intent.forget(config)
}

func countClones(config *spec.Config) map[string]int {
	counts := make(map[string]int, len(config.Processes))
	for _, p := range config.Processes {
		counts[p.ID] = p.Clones.Number()
	}
	return counts
}

func (r *rootActor) applyTo(ctx actor.Context, p *spec.Process, restarts map[string]bool, wanted map[spec.CloneID]bool, orders *orders) {
	for n := 1; n <= r.count(p); n++ {
		id := p.Clone(n)
		s := r.slots[id]
		wants := r.intent.wants(p, n)
		switch {
		case s == nil:
			if wants && r.ensureSlot(ctx, p, n) {
				orders.add(id, orderProcess{ID: id, Input: lifecycle.EnsureOrdered}, goalUp)
			}
		case s.home != homeOf(p): // another role's strategy applies: it ends here and starts there
			if !s.retiring {
				goal := goalDown
				if wants {
					goal = goalUp
				}
				orders.add(id, retireProcess{ID: id, Why: "its home role changed"}, goal)
			}
		case s.removed:
		default:
			s.process, s.retiring = p, false
			goal := goalNone
			if restarts[p.ID] && wanted[id] {
				goal = goalUp
			}
			orders.add(id, applyProcess{
				ID: id, Config: r.config, Process: p, Role: r.intent.activeRole(p), Restart: restarts[p.ID] && wants,
			}, goal)
			switch {
			case wanted[id] && !wants:
				orders.add(id, orderProcess{ID: id, Input: lifecycle.StopOrdered, Why: "none of its roles is active any more"}, goalDown)
			case !wanted[id] && wants:
				orders.add(id, orderProcess{ID: id, Input: lifecycle.EnsureOrdered}, goalUp)
			}
		}
	}
}

// vanishedRoles warns of active roles that the configuration does not have: they stay active, and empty.
func (r *rootActor) vanishedRoles() []string {
	var notes []string
	d := r.directory()
	for role := range r.intent.active {
		if !d.declared(role) {
			notes = append(notes, fmt.Sprintf("warning: role %s is active, and not in the configuration any more", role))
		}
	}
	return notes
}

func (r *rootActor) processOf(id spec.CloneID) *spec.Process {
	name, _ := id.Split()
	return r.directory().process(name)
}

// scale changes the number of clones. Survivors are not touched; the highest numbers go first.
func (r *rootActor) scale(ctx actor.Context, msg scaleProcesses) {
	d := r.directory()
	processes := map[*spec.Process]int{}
	for name, n := range msg.Clones {
		p := d.process(name)
		if p == nil {
			r.refused(msg.Reply, d.unknown("process", name, d.processNames(), ""))
			return
		}
		if n < 0 {
			r.refused(msg.Reply, &UnknownTarget{Message: fmt.Sprintf("%s=%d: must be 0 or more", name, n)})
			return
		}
		if n > spec.MaxClones {
			r.refused(msg.Reply, &UnknownTarget{Message: fmt.Sprintf("%s=%d: must be %d at most", name, n, spec.MaxClones)})
			return
		}
		processes[p] = n
	}
	if r.refused(msg.Reply, nil) {
		return
	}
	orders := newOrders()
	for p, n := range processes {
		for number := n + 1; number <= r.count(p); number++ {
			delete(r.intent.single, p.Clone(number)) // what was ordered of a clone ends with it
		}
		r.intent.scaled[p.ID] = n
		for number := 1; number <= n; number++ {
			if id := p.Clone(number); r.slots[id] == nil || r.slots[id].retiring {
				if r.intent.wants(p, number) && r.ensureSlot(ctx, p, number) {
					orders.add(id, orderProcess{ID: id, Input: lifecycle.EnsureOrdered}, goalUp)
				}
			}
		}
		for id, s := range r.slots {
			if _, number := id.Split(); s.process.ID == p.ID && number > n && !s.retiring {
				orders.add(id, retireProcess{ID: id, Why: "scaled down"}, goalDown)
			}
		}
	}
	for home, pid := range r.roles {
		ctx.Send(pid, r.configured(home))
	}
	r.publish()
	msg.Reply <- r.dispatch(ctx, orders, msg.Wait)
}

// orders collects messages to clones until it is known how many answers come.
type orders struct {
	messages []clonedOrder
}

type clonedOrder struct {
	id   spec.CloneID
	msg  any
	goal goal
}

func newOrders() *orders { return &orders{} }

func (o *orders) add(id spec.CloneID, msg any, goal goal) {
	o.messages = append(o.messages, clonedOrder{id, msg, goal})
}

// dispatch sends what was collected. Clones that merely learn their new policy answer nobody.
func (r *rootActor) dispatch(ctx actor.Context, orders *orders, wait time.Duration) answer {
	var of, stops []spec.CloneID
	for _, o := range orders.messages {
		if o.goal == goalNone {
			continue
		}
		of = append(of, o.id)
		if _, fresh := o.msg.(orderProcess); !fresh || o.goal == goalDown {
			stops = append(stops, o.id)
		}
	}
	given, waits := r.gather(of, goalUp, wait, stops...)
	for _, o := range orders.messages {
		waiter := waits
		switch {
		case o.goal == goalNone:
			waiter = awaited{}
		case wait > 0:
			waiter.goal = o.goal
		}
		home := r.home(ctx, r.slots[o.id].home)
		switch msg := o.msg.(type) {
		case orderProcess:
			msg.Wait = waiter
			ctx.Send(home, msg)
		case applyProcess:
			msg.Wait = waiter
			ctx.Send(home, msg)
		case retireProcess:
			s := r.slots[o.id]
			s.retiring, msg.Wait = true, waiter
			if o.goal == goalUp {
				s.heir, msg.Wait = waiter, awaited{}
			}
			ctx.Send(home, msg)
		}
	}
	return given
}
