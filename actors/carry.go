package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/spec"
)

var errEnded = errors.New("the daemon has stopped")

const (
	pauseInput  = lifecycle.PauseOrdered
	resumeInput = lifecycle.ResumeOrdered
	resetInput  = lifecycle.ResetOrdered
)

func (s *System) input(ctx context.Context, targets []Target, input lifecycle.Input) (Report, error) {
	reply := make(chan answer, 1)
	return s.carry(ctx, inputProcesses{targets, input, reply}, reply, 0)
}

// carry sends an order to the root and gathers its outcomes. wait bounds the time after the last stop; 0 has no
// bound, for orders that wait for an end or for nothing.
func (s *System) carry(ctx context.Context, order any, reply <-chan answer, wait time.Duration) (Report, error) {
	given, err := s.order(ctx, order, reply)
	if err != nil {
		return Report{}, err
	}
	return s.collect(ctx, given, wait)
}

// order sends an order to the root and returns when the root has given it to everybody that it is about.
func (s *System) order(ctx context.Context, order any, reply <-chan answer) (answer, error) {
	s.house.system.Root.Send(s.root, order)
	select {
	case given := <-reply:
		return given, given.err
	case <-ctx.Done():
		return answer{}, ctx.Err()
	case <-s.ended:
		return answer{}, errEnded
	}
}

func (s *System) collect(ctx context.Context, given answer, wait time.Duration) (Report, error) {
	report := Report{Notes: given.notes, Changes: given.changes}
	var late <-chan time.Time
	last := s.house.now().Add(wait + given.stopping)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	if wait > 0 {
		late = timer.C
	}
	outcomes := make(map[spec.CloneID]Outcome, len(given.ids))
	for gone := false; len(outcomes) < len(given.ids) && !gone; {
		select {
		case o := <-given.outcomes:
			outcomes[o.ID] = o
		case <-late:
			more := min(s.patience(given.ids, outcomes, wait), last.Sub(s.house.now()))
			gone = more <= 0
			timer.Reset(more)
		case <-s.ended:
			gone = true
		case <-ctx.Done():
			return report, ctx.Err()
		}
	}
	s.catchUp(ctx)
	s.commit(ctx)
	for _, id := range given.ids {
		outcome, settled := outcomes[id]
		if !settled {
			outcome = s.unsettled(id, wait)
		}
		report.Outcomes = append(report.Outcomes, outcome)
	}
	return report, nil
}

// patience is how much longer to wait for clones that have not settled: as long as one of them is still stopping, and then
// the whole wait from its start.
func (s *System) patience(ids []spec.CloneID, outcomes map[spec.CloneID]Outcome, wait time.Duration) time.Duration {
	const look = 20 * time.Millisecond
	unsettled := map[spec.CloneID]bool{}
	for _, id := range ids {
		if _, settled := outcomes[id]; !settled {
			unsettled[id] = true
		}
	}
	more := time.Duration(0)
	for _, p := range s.Status() {
		switch {
		case !unsettled[p.ID]:
		case p.State == event.Stopping:
			more = max(more, look)
		case p.StartedAt != nil:
			more = max(more, p.StartedAt.Add(wait).Sub(s.house.now()))
		}
	}
	return more
}

// catchUp returns when the read-model shows everything that was published before.
func (s *System) catchUp(ctx context.Context) {
	heard := make(chan struct{})
	s.house.facts.do(false, func() { s.house.system.Root.Send(s.observers[0], caughtUp{heard}) })
	select {
	case <-heard:
	case <-ctx.Done():
	case <-s.ended:
	}
}

// committed is how long a disk may keep an answer waiting.
const committed = 5 * time.Second

// commit returns when what was ordered is on the disk: after that no loss of power takes it back. A disk that hangs is not
// waited for. What has ended is reaped by then, or about to be.
func (s *System) commit(ctx context.Context) {
	defer s.house.table.Flush()
	done := make(chan struct{})
	s.house.saving.Commit(func(error) { close(done) }) // the journal keeps what a disk refuses, and says so
	timer := time.NewTimer(committed)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	case <-s.ended:
	}
}

// unsettled is the outcome of a clone that somebody has waited for in vain.
func (s *System) unsettled(id spec.CloneID, wait time.Duration) Outcome {
	for _, p := range s.Status() {
		if p.ID == id {
			outcome := Outcome{ID: id, Did: "not up", State: p.State, Problem: fmt.Sprintf("is %s after %s", p.State, spec.FormatDuration(wait))}
			if p.Reason != "" {
				outcome.Problem += ": " + p.Reason
			}
			if p.Pid != nil {
				outcome.Pid = *p.Pid
			}
			return outcome
		}
	}
	return Outcome{ID: id, Did: "gone", State: event.Stopped, Problem: "is gone"}
}

// roll restarts clones in turn: of each process as many at once as the home role allows, each up before the next.
func (s *System) roll(ctx context.Context, order RestartOrder) (Report, error) {
	targets := order.Targets
	if len(targets) == 0 {
		targets = []Target{"all"}
	}
	all, err := s.Resolve(targets)
	if err != nil {
		return Report{}, err
	}
	if order.Wait == 0 {
		order.Wait = time.Hour // each must be up before the next
	}
	config, _ := s.Config()
	wanted := map[spec.CloneID]bool{}
	for _, p := range s.Status() {
		wanted[p.ID] = p.Wanted
	}
	var report Report
	for len(all) > 0 {
		batch := nextBatch(config, all)
		all = all[len(batch):]
		part := RestartOrder{Wait: order.Wait}
		for _, id := range batch {
			if wanted[id] {
				part.Targets = append(part.Targets, Target(id))
			}
		}
		if len(part.Targets) == 0 {
			continue
		}
		done, err := s.RestartProcesses(ctx, part)
		report.Outcomes = append(report.Outcomes, done.Outcomes...)
		if err != nil || !done.OK() {
			report.Notes = append(report.Notes, fmt.Sprintf("the rolling restart ended here: %d clones were not touched", len(all)))
			return report, err
		}
	}
	return report, nil
}

// nextBatch is the first clones of one process, as many as its home role allows to be away at once.
func nextBatch(config *spec.Config, all []spec.CloneID) []spec.CloneID {
	name, _ := all[0].Split()
	most := 1
	for i := range config.Processes {
		if p := &config.Processes[i]; p.ID == name {
			most = max(1, roleOf(config, homeOf(p)).MaxUnavailable)
		}
	}
	n := 1
	for n < len(all) && n < most {
		if other, _ := all[n].Split(); other != name {
			break
		}
		n++
	}
	return all[:n]
}
