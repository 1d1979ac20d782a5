package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/sample"
	"github.com/dcousineau/phorever/spec"
)

// vitalsActor looks at the processes that have bounds, every few seconds, and tells their clones what has changed. It decides nothing: a
// clone knows whether the run that was judged is still the one that runs. Nobody asks it anything.

const (
	// longestLook is between two looks, shortestLook where a bound is short.
	longestLook, shortestLook = 5 * time.Second, 250 * time.Millisecond
	// looksWithin is how many looks there are within a bound.
	looksWithin = 4
)

// Messages between the vitalsActor and others.
type (
	// lookDue is its note to itself; a later one has made an earlier one void.
	lookDue struct{ Number int }
	// judgeProcess tells a clone what was found at a run of it.
	judgeProcess struct {
		ID      spec.CloneID
		Run     int
		Finding sample.Finding
	}
)

// patient is a process that is looked at.
type patient struct {
	run    int
	pid    int
	bounds sample.Bounds
	lines  lines
	as     bool // its limit is that of its address space
	judge  *sample.Judge
}

type vitalsActor struct {
	house    *house
	patients map[spec.CloneID]*patient
	sampler  *sample.Sampler
	look     int       // number of the lookDue that is waited for
	due      time.Time // then; zero: none is
}

func newVitalsActor(h *house) *vitalsActor {
	return &vitalsActor{house: h, patients: map[spec.CloneID]*patient{}, sampler: sample.New()}
}

func (v *vitalsActor) Receive(ctx actor.Context) {
	defer v.house.reportPanic(ctx)
	switch msg := ctx.Message().(type) {
	case processMoved:
		v.moved(ctx, msg)
	case processGone:
		delete(v.patients, msg.ID)
	case lookDue:
		if msg.Number == v.look {
			v.due = time.Time{}
			v.examine(ctx)
			v.wait(ctx)
		}
	case *actor.Started:
		v.wait(ctx)
	case *actor.Stopping, *actor.Stopped, *actor.Restarting:
	default:
		v.house.unexpected(ctx)
	}
}

// moved begins to look at a run, or ends it: one that does not run, or stands still by order, is not judged.
func (v *vitalsActor) moved(ctx actor.Context, msg processMoved) {
	bounds, as := boundsOf(msg.Process)
	if !bounds.Judged() || msg.State != event.Running || msg.Pid == 0 {
		delete(v.patients, msg.ID)
		return
	}
	p := v.patients[msg.ID]
	if p == nil || p.run != msg.Run || p.pid != msg.Pid {
		p = &patient{run: msg.Run, pid: msg.Pid, judge: sample.NewJudge(v.house.now(), msg.Said)}
		v.patients[msg.ID] = p
	}
	p.bounds, p.as, p.lines = bounds, as, msg.Lines
	v.wait(ctx)
}

// boundsOf is what is well for a process. Its memory has the limit of its group, or that of its address space.
func boundsOf(process *spec.Process) (b sample.Bounds, as bool) {
	if r := process.Runaway; r != nil {
		b.CPU, b.For = r.CPU, r.For
	}
	if h := process.Health; h != nil {
		b.Silence, b.Grace = h.Silence, h.Grace
	}
	if c := process.Cgroup; c != nil {
		b.Memory = c.MemoryMax
	}
	for _, limit := range process.Limits {
		if b.Memory == 0 && limit.Resource == "as" && limit.Value < 1<<62 {
			b.Memory, as = int64(limit.Value), true
		}
	}
	return b, as
}

// written is how many lines a clone has had to say.
func written(l lines) int64 { return l.Logged.Load() + l.Dropped.Load() }

// wait sets the timer for the next look, if there is anything to look at, and it does not come soon enough.
func (v *vitalsActor) wait(ctx actor.Context) {
	if len(v.patients) == 0 {
		return
	}
	next := longestLook
	for _, p := range v.patients {
		for _, bound := range []time.Duration{p.bounds.For, p.bounds.Silence} {
			if bound > 0 {
				next = min(next, max(bound/looksWithin, shortestLook))
			}
		}
	}
	if due := v.house.now().Add(next); v.due.IsZero() || due.Before(v.due) {
		v.look++
		v.due = due
		v.house.after(next, ctx.Self(), lookDue{v.look})
	}
}

func (v *vitalsActor) examine(ctx actor.Context) {
	ids, pids := make([]spec.CloneID, 0, len(v.patients)), make([]int, 0, len(v.patients))
	for id, p := range v.patients {
		ids, pids = append(ids, id), append(pids, p.pid)
	}
	now := v.house.now()
	for i, usage := range v.sampler.Sample(pids, now) {
		p := v.patients[ids[i]]
		vitals := sample.Vitals{At: now, CPU: usage.CPUPercent / 100, Memory: usage.Memory, Lines: written(p.lines)}
		if p.as {
			vitals.Memory = usage.Virtual
		}
		for _, finding := range p.judge.Look(p.bounds, vitals) {
			ctx.Send(ctx.Parent(), judgeProcess{ids[i], p.run, finding})
		}
	}
}
