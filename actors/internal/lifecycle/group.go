package lifecycle

import (
	"slices"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// Group is the machine of a role with one_for_all or rest_for_one: idle, stopping the siblings of a member that failed,
// waiting out the delay, starting them again in order. Members are named by the caller; their order is the role's.
// The zero value is idle. It is a value: methods return the changed one.
type Group struct {
	Phase   GroupPhase
	Epoch   int            // counts group restarts, so that a late answer is recognised
	Members []spec.CloneID // that this restart concerns, in the role's order
	Waiting []spec.CloneID // of those, the ones whose end has not come yet
	Until   time.Time      // when the starts are due
}

// GroupPhase is where a group restart is.
type GroupPhase int

// The phases of a group restart.
const (
	GroupIdle GroupPhase = iota
	GroupStopping
	GroupBackoff
)

// Affected are the members that restart with the one that failed.
func Affected(supervision spec.Supervision, order []spec.CloneID, failed spec.CloneID) []spec.CloneID {
	switch i := slices.Index(order, failed); {
	case i < 0:
		return nil
	case supervision == spec.OneForAll:
		return slices.Clone(order)
	case supervision == spec.RestForOne:
		return slices.Clone(order[i:])
	}
	return nil
}

// Failed begins a group restart, or widens the one under way. hold are the members to be held now, last one first; the
// one that failed is held already.
func (g Group) Failed(affected []spec.CloneID, failed spec.CloneID, due time.Time) (next Group, hold []spec.CloneID) {
	if g.Phase == GroupIdle {
		g = Group{Epoch: g.Epoch + 1, Until: due}
	}
	if due.After(g.Until) {
		g.Until = due
	}
	members, waiting := slices.Clone(g.Members), slices.Clone(g.Waiting)
	for _, id := range affected {
		if slices.Contains(members, id) {
			continue
		}
		members = append(members, id)
		if id != failed {
			waiting = append(waiting, id)
			hold = append(hold, id)
		}
	}
	slices.Reverse(hold)
	g.Members, g.Waiting, g.Phase = members, without(waiting, failed), GroupStopping
	return g.settle(), hold
}

// Held notes that a member is down and waits.
func (g Group) Held(id spec.CloneID) Group {
	g.Waiting = without(g.Waiting, id)
	return g.settle()
}

// Left notes that a member went another way (stopped by the user, given up, started by hand): it is not ours any more.
func (g Group) Left(id spec.CloneID) Group {
	g.Members, g.Waiting = without(g.Members, id), without(g.Waiting, id)
	if len(g.Members) == 0 {
		return Group{Epoch: g.Epoch}
	}
	return g.settle()
}

// Due ends the delay: start are the members to be started, in the role's order.
func (g Group) Due(order []spec.CloneID) (next Group, start []spec.CloneID) {
	if g.Phase != GroupBackoff {
		return g, nil
	}
	for _, id := range order {
		if slices.Contains(g.Members, id) {
			start = append(start, id)
		}
	}
	return Group{Epoch: g.Epoch}, start
}

func (g Group) settle() Group {
	if g.Phase == GroupStopping && len(g.Waiting) == 0 {
		g.Phase = GroupBackoff
	}
	return g
}

func without(ids []spec.CloneID, id spec.CloneID) []spec.CloneID {
	return slices.DeleteFunc(slices.Clone(ids), func(other spec.CloneID) bool { return other == id })
}
