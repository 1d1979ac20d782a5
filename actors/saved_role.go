package actors

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/spec"
)

// rolePrefix begins the keys of what roles know. A role that knows nothing has none.
const rolePrefix = "role/"

func roleKey(home string) string { return rolePrefix + home }

// savedRole is what a role knows beside its clones: how often they have failed, and a restart of the whole that is under way. Fields may be
// added; what is missing reads as zero.
type savedRole struct {
	Failures []moment             `json:"failures,omitempty"`
	Phase    lifecycle.GroupPhase `json:"phase,omitempty"`
	Epoch    int                  `json:"epoch,omitempty"`
	Members  []spec.CloneID       `json:"members,omitempty"`
	Waiting  []spec.CloneID       `json:"waiting,omitempty"`
	Until    moment               `json:"until,omitzero"`
}

// save writes down what the role knows. It comes before the orders that follow from it.
func (r *roleActor) save() {
	if r.house.forgets {
		return
	}
	if len(r.failures) == 0 && r.group.Phase == lifecycle.GroupIdle {
		r.house.saving.Delete(roleKey(r.home))
		return
	}
	s := savedRole{Phase: r.group.Phase, Epoch: r.group.Epoch, Members: r.group.Members, Waiting: r.group.Waiting, Until: r.house.base.write(r.group.Until)}
	for _, at := range r.failures {
		s.Failures = append(s.Failures, r.house.base.write(at))
	}
	if text, err := json.Marshal(s); err == nil {
		r.house.saving.Put(roleKey(r.home), text)
	}
}

// restore gives a new role what it knew.
func (r *roleActor) restore(ctx actor.Context, s *savedRole) {
	base := r.house.base
	for _, at := range s.Failures {
		r.failures = append(r.failures, base.read(at))
	}
	r.group = lifecycle.Group{Epoch: s.Epoch} // so that regroup sees a change
	r.regroup(ctx, lifecycle.Group{Phase: s.Phase, Epoch: s.Epoch, Members: s.Members, Waiting: s.Waiting, Until: base.read(s.Until)})
}

// readRoles are the roles of an earlier daemon that knew something, by home.
func readRoles(h *house, saved map[string][]byte) map[string]*savedRole {
	all := map[string]*savedRole{}
	for key, text := range saved {
		home, ok := strings.CutPrefix(key, rolePrefix)
		if !ok {
			continue
		}
		s := &savedRole{}
		if err := json.Unmarshal(text, s); err != nil || s.Phase < lifecycle.GroupIdle || s.Phase > lifecycle.GroupBackoff {
			h.log.Warnf("saved state: what is known of role %s cannot be read; its clones go on by themselves", home)
			continue
		}
		all[home] = s
	}
	return all
}

// regroup brings the restarts of whole roles and what their members wrote down together: the daemon before was killed between the two. It
// comes when all clones have their actors.
func (r *rootActor) regroup(ctx actor.Context, roles map[string]*savedRole, clones map[spec.CloneID]*savedClone) {
	for home, s := range roles {
		pid := r.roles[home]
		if pid == nil {
			r.house.saving.Delete(roleKey(home))
			continue
		}
		for _, id := range s.Members {
			switch c := clones[id]; {
			case r.slots[id] == nil || c == nil:
				ctx.Send(pid, memberLeft{id})
			case slices.Contains(s.Waiting, id) && !c.Machine.Held && !(c.Machine.Live && c.Machine.Next == lifecycle.NextHeld):
				r.order(ctx, id, lifecycle.HoldOrdered, "", awaited{}) // it had not heard of it
			}
		}
	}
	for _, own := range []bool{true, false} { // first those that begin a restart, so that the others are part of it
		for id, c := range clones {
			slot := r.slots[id]
			if slot == nil || !c.Machine.Held || own != (c.Exit != nil && c.Exit.Failure) {
				continue
			}
			held := memberHeld{ID: id, Own: own}
			if own {
				held.Due = r.house.base.read(c.Exit.When).Add(c.Verdict.Delay)
			}
			ctx.Send(r.home(ctx, slot.home), held)
		}
	}
}
