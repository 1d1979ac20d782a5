package actors

import (
	"fmt"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/notifier"
	"github.com/dcousineau/phorever/spec"
)

// rootActor holds the configuration and what is wanted, gives each clone a slot under its home role, and ends everything
// in order. It knows no state of a process: it sends orders, and the clones answer whoever gave them.

// shutdown ends everything, then the tree. A second one that is ordered skips what is left of the stop timeouts.
type shutdown struct {
	Reason string
	Code   int
	Lost   bool // nobody ordered it: an essential role is lost, or done
}

// quiet is the root's note to itself: nothing runs, and everybody has heard so.
type quiet struct{}

// slot is the place of one clone, from its first start until its actor has ended.
type slot struct {
	home     string
	process  *spec.Process
	retiring bool // it is being ended for good
	removed  bool // its actor is being ended; only a new slot can follow

	past clonePast // of the actor that is ending, for the one that follows it
	heir awaited   // whoever waits for that one
}

type rootActor struct {
	house  *house
	config *spec.Config
	counts map[string]int // clones by process, as configured; auto is counted at each reload
	intent intent
	roles  map[string]*actor.PID // by home
	slots  map[spec.CloneID]*slot

	saved     map[string][]byte // what an earlier daemon has left
	pastRoles map[string]*savedRole
	stopping  string            // why all that is taken back is to end
	observers []*actor.PID      // stats, notifier, hooks and listeners
	sinks     []*notifier.Queue // that hear everything from the first event on
	ready     chan<- []*actor.PID
	closing   bool
	ordered   bool // to close, by somebody
	ending    bool
	code      int
	done      chan struct{}
	exit      *int // the exit code, for after done
}

func (r *rootActor) Receive(ctx actor.Context) {
	defer r.house.reportPanic(ctx)
	switch msg := ctx.Message().(type) {
	case startProcesses:
		r.start(ctx, msg)
	case stopProcesses:
		r.stop(ctx, msg)
	case restartProcesses:
		r.restart(ctx, msg)
	case scaleProcesses:
		r.scale(ctx, msg)
	case inputProcesses:
		r.input(ctx, msg)
	case signalProcesses:
		r.signal(ctx, msg)
	case applyConfig:
		r.apply(ctx, msg)
	case resolveTargets:
		r.resolveFor(msg)
	case shutdown:
		r.shutdown(ctx, msg)
	case judgeProcess:
		if s := r.slots[msg.ID]; s != nil {
			ctx.Send(r.home(ctx, s.home), msg)
		}
	case cloneRetired:
		r.cloneRetired(ctx, msg)
	case cloneGone:
		r.cloneGone(ctx, msg)
	case quiet:
		ctx.Stop(ctx.Self())
	case *actor.Started:
		r.begin(ctx)
	case *actor.Stopped:
		*r.exit = r.code
		close(r.done)
	case *actor.Stopping, *actor.Restarting, *actor.Terminated:
	default:
		r.house.unexpected(ctx)
	}
}

// HandleFailure turns the loss of an essential role into an orderly shutdown.
func (r *rootActor) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, who *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	lost, ok := reason.(roleLost)
	supervisor.ResumeChildren(who) // also after a bug of ours: a role that began anew would have lost its clones
	if !ok {
		return
	}
	r.shutdown(supervisor.(actor.Context), shutdown{
		Reason: fmt.Sprintf("essential role %s is lost: %s: %s", lost.Role, lost.ID, lost.Why), Code: exitCodeOf(lost.End, r.house.first), Lost: true,
	})
}

// exitCodeOf is what the loss of an essential process makes of the daemon. In a container, where we are the first process,
// whoever runs it looks for the program's own code.
func exitCodeOf(exit *event.Exit, inContainer bool) int {
	switch {
	case !inContainer || exit == nil:
	case exit.Code != nil && *exit.Code != 0:
		return *exit.Code
	case exit.Signal != nil:
		if signal, err := spec.ParseSignal(*exit.Signal); err == nil {
			return 128 + int(signal.Number())
		}
	}
	return 1
}

// begin spawns the observers beside the roles, and lets them hear everything from the first event on.
func (r *rootActor) begin(ctx actor.Context) {
	if r.observers != nil {
		return // a new incarnation: they are there
	}
	house, sinks := r.house, r.sinks
	stats := ctx.SpawnPrefix(actor.PropsFromProducer(func() actor.Actor { return &statsActor{house: house, model: house.model} }), "stats")
	notify := ctx.SpawnPrefix(actor.PropsFromProducer(func() actor.Actor { return &notifierActor{house: house, sinks: sinks} }), "notifier")
	hooks := ctx.SpawnPrefix(actor.PropsFromProducer(func() actor.Actor { return &hooksActor{helpers: helpers[*hook]{house: house}} }), "hooks")
	listeners := ctx.SpawnPrefix(actor.PropsFromProducer(func() actor.Actor { return &listenersActor{helpers: helpers[*listener]{house: house}} }), "listeners")
	vitals := ctx.SpawnPrefix(actor.PropsFromProducer(func() actor.Actor { return newVitalsActor(house) }), "vitals")
	r.observers = []*actor.PID{stats, notify, hooks, listeners}
	ctx.Send(hooks, configureHooks{r.config})
	ctx.Send(listeners, configureListeners{r.config})
	root := ctx.ActorSystem().Root
	house.system.EventStream.Subscribe(func(published any) {
		switch published.(type) {
		case event.Record:
			root.Send(stats, published)
			root.Send(notify, published)
			root.Send(hooks, published)
			root.Send(listeners, published)
		case treeShaped:
			root.Send(stats, published)
		case processMoved, processGone:
			root.Send(stats, published)
			root.Send(vitals, published)
		}
	})
	r.publish()
	r.restore(ctx, r.saved)
	r.saved, r.pastRoles = nil, nil
	if r.stopping != "" {
		r.shutdown(ctx, shutdown{Reason: r.stopping})
	}
	r.ready <- r.observers
}

func (r *rootActor) count(process *spec.Process) int {
	if n, ok := r.intent.scaled[process.ID]; ok {
		return n
	}
	return r.counts[process.ID]
}

func (r *rootActor) directory() directory { return directory{r.config, r.count, r.intent.active} }

// home is the actor of a home role, made when its first clone is.
func (r *rootActor) home(ctx actor.Context, name string) *actor.PID {
	if pid := r.roles[name]; pid != nil {
		return pid
	}
	house := r.house
	pid := ctx.SpawnPrefix(actor.PropsFromProducer(func() actor.Actor {
		return &roleActor{house: house, home: name, clones: map[spec.CloneID]*actor.PID{}}
	}), name+"/")
	r.roles[name] = pid
	configured := r.configured(name)
	configured.Past = r.pastRoles[name]
	ctx.Send(pid, configured)
	return pid
}

func (r *rootActor) configured(home string) configureRole {
	order := []spec.CloneID{}
	for i := range r.config.Processes {
		p := &r.config.Processes[i]
		if homeOf(p) == home {
			for n := 1; n <= r.count(p); n++ {
				order = append(order, p.Clone(n))
			}
		}
	}
	return configureRole{Role: roleOf(r.config, home), Order: order}
}

// ensureSlot gives a clone its place. It is false while an earlier actor of the clone is still ending: the clone then
// starts when that has gone.
func (r *rootActor) ensureSlot(ctx actor.Context, process *spec.Process, number int) bool {
	id := process.Clone(number)
	if s := r.slots[id]; s != nil {
		if s.removed || s.home != homeOf(process) {
			return false
		}
		if s.retiring { // it comes back before it was gone: its actor lives on
			s.retiring = false
			ctx.Send(r.home(ctx, s.home), applyProcess{ID: id, Config: r.config, Process: process, Role: r.intent.activeRole(process)})
		}
		return true
	}
	r.fill(ctx, process, number, clonePast{})
	return true
}

// fill makes the actor of a clone under its home role.
func (r *rootActor) fill(ctx actor.Context, process *spec.Process, number int, past clonePast) {
	id, home := process.Clone(number), homeOf(process)
	r.slots[id] = &slot{home: home, process: process}
	ctx.Send(r.home(ctx, home), spawnClone{
		ID: id, Number: number, Config: r.config, Process: process, Role: r.intent.activeRole(process), Past: past,
	})
}

// order sends one input to one clone.
func (r *rootActor) order(ctx actor.Context, id spec.CloneID, input lifecycle.Input, why string, wait awaited) {
	if s := r.slots[id]; s != nil {
		ctx.Send(r.home(ctx, s.home), orderProcess{ID: id, Input: input, Why: why, Wait: wait})
		return
	}
	wait.answer(Outcome{ID: id, Did: did(input, lifecycle.New(), lifecycle.New()), OK: true, State: event.Stopped})
}

func (r *rootActor) cloneRetired(ctx actor.Context, msg cloneRetired) {
	if s := r.slots[msg.ID]; s != nil && s.retiring && !s.removed {
		s.removed, s.past = true, msg.Past
		ctx.Send(r.home(ctx, s.home), removeClone{msg.ID})
	}
}

// cloneGone frees a slot, and fills it again if the clone is wanted after all.
func (r *rootActor) cloneGone(ctx actor.Context, msg cloneGone) {
	gone := r.slots[msg.ID]
	delete(r.slots, msg.ID)
	r.house.saving.Delete(cloneKey(msg.ID))
	r.house.system.EventStream.Publish(processGone(msg))
	if r.closing {
		r.endIfEmpty(ctx)
		return
	}
	name, number := msg.ID.Split()
	for i := range r.config.Processes {
		p := &r.config.Processes[i]
		if p.ID == name && number <= r.count(p) && r.intent.wants(p, number) {
			r.fill(ctx, p, number, gone.past)
			r.order(ctx, msg.ID, lifecycle.EnsureOrdered, "", gone.heir)
			return
		}
	}
	gone.heir.answer(Outcome{ID: msg.ID, Did: "stopped", OK: true, State: event.Stopped})
}

func (r *rootActor) shutdown(ctx actor.Context, msg shutdown) {
	if r.closing {
		if r.ordered && !msg.Lost {
			for id := range r.slots {
				r.order(ctx, id, lifecycle.HurryOrdered, "", awaited{})
			}
		}
		r.ordered = r.ordered || !msg.Lost
		return
	}
	r.closing, r.ordered, r.code = true, !msg.Lost, msg.Code
	if msg.Lost {
		r.saveLoss(msg)
	}
	r.house.announce(event.DaemonStopping{Why: msg.Reason})
	for id := range r.slots {
		r.retire(ctx, id, msg.Reason, awaited{})
	}
	r.publish()
	r.endIfEmpty(ctx)
}

func (r *rootActor) retire(ctx actor.Context, id spec.CloneID, why string, wait awaited) {
	s := r.slots[id]
	s.retiring = true
	ctx.Send(r.home(ctx, s.home), retireProcess{ID: id, Why: why, Wait: wait})
}

// observed is how long an observer may take to end what it has begun. Hooks, listeners and news end sooner by bounds of their own: what takes
// longer is a bug of ours, which must not keep the daemon.
const observed = 2 * time.Minute

// endIfEmpty ends the tree when nothing runs any more and everybody has heard so: a stop overtakes what waits in a
// mailbox, so it is asked for only then.
func (r *rootActor) endIfEmpty(ctx actor.Context) {
	if len(r.slots) > 0 || r.ending {
		return
	}
	r.ending = true
	self, root, observers, house := ctx.Self(), ctx.ActorSystem().Root, r.observers, r.house
	go func() {
		for _, observer := range observers {
			heard := make(chan struct{})
			house.facts.do(false, func() { root.Send(observer, caughtUp{heard}) })
			select {
			case <-heard:
			case <-time.After(observed):
				house.log.Errorf("internal fault: %s does not end; it is not waited for", observer.Id)
			}
		}
		root.Send(self, quiet{})
	}()
}

// activate makes a role active, and says so.
func (r *rootActor) activate(role string) {
	if !r.intent.active[role] {
		r.intent.active[role] = true
		r.house.announce(event.RoleStarted{Role: role})
	}
}

func (r *rootActor) deactivate(role, why string) {
	if r.intent.active[role] {
		delete(r.intent.active, role)
		r.house.announce(event.RoleStopped{Role: role, Why: why})
	}
}

// relabel tells clones the first of their active roles after roles have changed.
func (r *rootActor) relabel(ctx actor.Context) {
	for id, s := range r.slots {
		ctx.Send(r.home(ctx, s.home), labelProcess{ID: id, Role: r.intent.activeRole(s.process)})
	}
}

// publish tells the read-model the configuration and what is wanted of it.
func (r *rootActor) publish() {
	r.saveIntent()
	r.house.table.SetZone(r.config.Timezone)
	r.house.system.EventStream.Publish(r.shape())
}

// shape is the configuration and what is wanted of it.
func (r *rootActor) shape() treeShaped {
	shape := treeShaped{
		Config: r.config, Closing: r.closing, At: r.house.now(), Counts: map[string]int{}, Wanted: r.wanted(), Everything: r.intent.everything,
	}
	for i := range r.config.Processes {
		p := &r.config.Processes[i]
		shape.Counts[p.ID] = r.count(p)
	}
	shape.Active = []string{}
	for role := range r.intent.active {
		shape.Active = append(shape.Active, role)
	}
	slices.Sort(shape.Active)
	return shape
}

// wanted are the clones that should run.
func (r *rootActor) wanted() map[spec.CloneID]bool {
	all := map[spec.CloneID]bool{}
	for i := range r.config.Processes {
		p := &r.config.Processes[i]
		for n := 1; n <= r.count(p); n++ {
			if !r.closing && r.intent.wants(p, n) {
				all[p.Clone(n)] = true
			}
		}
	}
	return all
}

// until is when somebody who waits that long has left, with room for the message to be on its way.
func (r *rootActor) until(wait time.Duration) time.Time {
	return r.house.now().Add(wait + time.Second)
}
