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

// roleActor owns the clones whose home it is. It passes orders on, restarts siblings together where its supervision says
// so, and gives up as a whole where its own give-up says so. It never decides about a single clone.

// Orders to a role, from the root.
type (
	configureRole struct {
		Role  spec.Role
		Order []spec.CloneID // of all its clones, as in the configuration
		Past  *savedRole     // of an earlier daemon, for a role that is new
	}
	spawnClone struct {
		ID      spec.CloneID
		Number  int
		Config  *spec.Config
		Process *spec.Process
		Role    string // the first active one
		Past    clonePast
	}
	// removeClone ends the actor of a retired clone; the role answers cloneGone.
	removeClone struct{ ID spec.CloneID }
)

// Notes of a clone to its role.
type (
	memberFailed struct { // an end that counts as a failure
		ID spec.CloneID
		At time.Time
	}
	memberHeld struct { // down, and waiting for the role
		ID  spec.CloneID
		Own bool // it failed itself
		Due time.Time
	}
	memberLeft struct{ ID spec.CloneID } // went another way
	memberDone struct {                  // EXITED
		ID     spec.CloneID
		Exit   *event.Exit
		Failed bool
	}
	cloneRetired struct { // down for good
		ID   spec.CloneID
		Past clonePast
	}
)

// clonePast is what a clone takes along when it moves to another role: it is the same process still.
type clonePast struct {
	Run   int // 0 for a clone that is new
	Exit  *event.Exit
	Saved *savedClone // of an earlier daemon
}

// cloneGone tells the root that a clone's actor has ended.
type cloneGone struct{ ID spec.CloneID }

// groupDue is a role's note to itself: the delay of the group restart is over.
type groupDue struct{ Epoch int }

type roleActor struct {
	house    *house
	home     string // its name
	role     spec.Role
	order    []spec.CloneID
	clones   map[spec.CloneID]*actor.PID
	group    lifecycle.Group
	failures []time.Time // of all members, within the role's own give-up window
}

func (r *roleActor) Receive(ctx actor.Context) {
	defer r.house.reportPanic(ctx)
	switch msg := ctx.Message().(type) {
	case configureRole:
		r.role, r.order = msg.Role, msg.Order
		if msg.Past != nil {
			r.restore(ctx, msg.Past)
		}
	case spawnClone:
		r.spawn(ctx, msg)
	case removeClone:
		r.remove(ctx, msg)
	case orderProcess:
		r.pass(ctx, msg.ID, msg)
	case applyProcess:
		r.pass(ctx, msg.ID, msg)
	case labelProcess:
		r.pass(ctx, msg.ID, msg)
	case retireProcess:
		r.pass(ctx, msg.ID, msg)
	case signalProcess:
		r.pass(ctx, msg.ID, msg)
	case judgeProcess:
		r.pass(ctx, msg.ID, msg)
	case memberFailed:
		r.memberFailed(ctx, msg)
	case memberHeld:
		r.memberHeld(ctx, msg)
	case memberLeft:
		r.memberLeft(ctx, msg)
	case memberDone:
		r.memberDone(ctx, msg)
	case groupDue:
		r.groupDue(ctx, msg)
	case cloneRetired:
		ctx.Send(ctx.Parent(), msg)
	case *actor.Terminated:
		r.cloneEnded(ctx, msg.Who)
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		r.house.unexpected(ctx)
	}
}

// HandleFailure keeps a clone that gave up: it stays FATAL and answers orders, its siblings never feel it.
func (r *roleActor) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, who *actor.PID, stats *actor.RestartStatistics, reason, message any) {
	given, ok := reason.(gaveUp)
	if !ok {
		restartOrSkip(supervisor, who, stats)
		return
	}
	supervisor.ResumeChildren(who)
	if r.role.Essential {
		supervisor.EscalateFailure(roleLost{Role: r.role.Name, gaveUp: given}, message)
	}
}

// restartOrSkip answers a bug of ours: the actor begins anew with what it knew; one that keeps failing skips messages.
func restartOrSkip(supervisor actor.Supervisor, who *actor.PID, stats *actor.RestartStatistics) {
	stats.Fail()
	if stats.NumberOfFailures(10*time.Second) > 5 {
		supervisor.ResumeChildren(who)
		return
	}
	supervisor.RestartChildren(who)
}

func (r *roleActor) spawn(ctx actor.Context, msg spawnClone) {
	memory := &cloneMemory{
		id: msg.ID, number: msg.Number, config: msg.Config, process: msg.Process, role: msg.Role,
		machine: lifecycle.New(), lines: r.house.table.Lines(string(msg.ID)), why: "not started yet",
	}
	if past := msg.Past; past.Saved != nil {
		memory.restore(r.house, past.Saved)
	} else if past.Run > 0 {
		memory.machine.Run, memory.exit = past.Run, past.Exit
	}
	house, launch := r.house, &launchSlot{}
	r.clones[msg.ID] = ctx.SpawnPrefix(actor.PropsFromProducer(func() actor.Actor {
		return &processActor{cloneMemory: memory, house: house, launch: launch}
	}), string(msg.ID)+"/")
}

func (r *roleActor) remove(ctx actor.Context, msg removeClone) {
	if pid := r.clones[msg.ID]; pid != nil {
		ctx.Stop(pid)
	}
}

func (r *roleActor) cloneEnded(ctx actor.Context, who *actor.PID) {
	for id, pid := range r.clones {
		if pid.Equal(who) {
			delete(r.clones, id)
			ctx.Send(ctx.Parent(), cloneGone{id})
			return
		}
	}
}

func (r *roleActor) pass(ctx actor.Context, id spec.CloneID, msg any) {
	if pid := r.clones[id]; pid != nil {
		ctx.Send(pid, msg)
	}
}

// memberFailed counts a failure for the role's own give-up, which ends all its clones.
func (r *roleActor) memberFailed(ctx actor.Context, msg memberFailed) {
	limit := r.role.GiveUp
	if limit == nil {
		return
	}
	r.failures = slices.DeleteFunc(r.failures, func(at time.Time) bool { return msg.At.Sub(at) > limit.Within })
	r.failures = append(r.failures, msg.At)
	if len(r.failures) <= limit.After {
		r.save()
		return
	}
	why := fmt.Sprintf("role %s gave up: %d failures within %s", r.role.Name, len(r.failures), spec.FormatDuration(limit.Within))
	r.failures = nil
	r.save()
	for id := range r.clones {
		r.pass(ctx, id, orderProcess{ID: id, Input: lifecycle.CondemnOrdered, Why: why})
	}
}

func (r *roleActor) memberHeld(ctx actor.Context, msg memberHeld) {
	switch {
	case msg.Own:
	case slices.Contains(r.group.Members, msg.ID):
		r.regroup(ctx, r.group.Held(msg.ID))
		return
	default: // the daemon before was killed between the end of the restart and this one's start
		r.pass(ctx, msg.ID, orderProcess{ID: msg.ID, Input: lifecycle.StartOrdered})
		return
	}
	var present []spec.CloneID
	for _, id := range r.order {
		if r.clones[id] != nil {
			present = append(present, id)
		}
	}
	affected := lifecycle.Affected(r.role.Supervision, present, msg.ID)
	if len(affected) == 0 { // by now it restarts alone
		affected = []spec.CloneID{msg.ID}
	}
	group, hold := r.group.Failed(affected, msg.ID, msg.Due)
	r.regroup(ctx, group)
	for _, id := range hold {
		r.pass(ctx, id, orderProcess{ID: id, Input: lifecycle.HoldOrdered, Why: fmt.Sprintf("%s failed, role %s restarts %s", msg.ID, r.role.Name, r.role.Supervision)})
	}
}

func (r *roleActor) memberLeft(ctx actor.Context, msg memberLeft) {
	r.regroup(ctx, r.group.Left(msg.ID))
}

// regroup follows the group machine, and waits for the starts to be due when all members are down.
func (r *roleActor) regroup(ctx actor.Context, group lifecycle.Group) {
	waits := group.Phase == lifecycle.GroupBackoff && (r.group.Phase != lifecycle.GroupBackoff || !r.group.Until.Equal(group.Until))
	r.group = group
	r.save()
	if waits {
		r.house.after(max(0, group.Until.Sub(r.house.now())), ctx.Self(), groupDue{group.Epoch})
	}
}

func (r *roleActor) groupDue(ctx actor.Context, msg groupDue) {
	if msg.Epoch != r.group.Epoch || r.house.now().Before(r.group.Until) {
		return // a later failure has moved the start, and set a timer of its own
	}
	group, start := r.group.Due(r.order)
	r.group = group
	r.save() // a start is forked when that is written
	for _, id := range start {
		r.pass(ctx, id, orderProcess{ID: id, Input: lifecycle.StartOrdered})
	}
}

// memberDone ends the daemon when an essential process has finished.
func (r *roleActor) memberDone(ctx actor.Context, msg memberDone) {
	if !r.role.Essential {
		return
	}
	if msg.Failed {
		fail(ctx, roleLost{Role: r.role.Name, gaveUp: gaveUp{ID: msg.ID, Why: "it exited with failure and is not resurrected", End: msg.Exit}})
		return
	}
	ctx.Send(ctx.Parent(), shutdown{Reason: fmt.Sprintf("%s of the essential role %s is done", msg.ID, r.role.Name), Lost: true})
}

// homeOf is the role under which a process lives: the first of its own list. Those without one live under "".
func homeOf(process *spec.Process) string {
	if len(process.Roles) == 0 {
		return ""
	}
	return process.Roles[0]
}

// roleOf is the configuration of a role; a role that is only mentioned has the defaults.
func roleOf(config *spec.Config, name string) spec.Role {
	for _, role := range config.Roles {
		if role.Name == name {
			return role
		}
	}
	return spec.Role{Name: name, Supervision: spec.OneForOne, MaxUnavailable: 1}
}

func supervisionOf(config *spec.Config, name string) spec.Supervision {
	if supervision := roleOf(config, name).Supervision; supervision != "" {
		return supervision
	}
	return spec.OneForOne
}
