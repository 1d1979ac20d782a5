package spec

import "time"

// Health is how the health of a process is checked.
type Health struct {
	Silence time.Duration // without a line, after which it is unhealthy; 0 does not matter
	Grace   time.Duration // after its start, in which it may be silent
	Restart bool          // what is unhealthy is ended, and resurrected by policy; else it is only told
}

// Runaway is when a process counts as run away.
type Runaway struct {
	CPU     float64 // cores
	For     time.Duration
	Restart bool // it is ended then, and resurrected by policy; else it is only told
}

// What holds where the file does not say it.
const (
	healthGrace = 30 * time.Second
	runawayCPU  = 0.95
	runawayFor  = 5 * time.Minute
)

func (n *node) health() *Health {
	if !n.is(kindObject) {
		return nil
	}
	h := &Health{Silence: n.get("silence").seconds(), Grace: healthGrace, Restart: n.get("then").string() != "notify"}
	if grace := n.get("grace"); grace.given() {
		h.Grace = grace.seconds()
	}
	return h
}

// runaway counts cores: where a process may use less than one, its ceiling is that.
func (n *node) runaway(cgroup *Cgroup) *Runaway {
	if !n.is(kindObject) {
		return nil
	}
	r := &Runaway{CPU: runawayCPU, For: runawayFor, Restart: n.get("then").string() == "restart"}
	if cpu := n.get("cpu"); cpu.given() {
		r.CPU = cpu.float()
	}
	if cgroup != nil && cgroup.CPUMax > 0 && cgroup.CPUMax < 1 {
		r.CPU *= cgroup.CPUMax
	}
	if length := n.get("for"); length.given() {
		r.For = length.seconds()
	}
	return r
}

func healthText(h *Health) string {
	if h == nil {
		return "none"
	}
	return "silence " + writtenDuration(h.Silence) + ", grace " + writtenDuration(h.Grace) + ", then " + thenText(h.Restart)
}

func runawayText(r *Runaway) string {
	if r == nil {
		return "none"
	}
	return "cpu " + text(r.CPU) + " for " + writtenDuration(r.For) + ", then " + thenText(r.Restart)
}

func thenText(restart bool) string {
	if restart {
		return "restart"
	}
	return "notify"
}

// vitals refuses a check that cannot see anything.
func (l *loader) vitals(p written) {
	h := p.Health
	switch {
	case h == nil:
	case h.Silence == 0 && p.whole.at("health", "silence").given(): // reported
	case h.Silence == 0:
		for _, check := range []string{"http", "tcp", "exec", "heartbeat"} {
			if p.whole.at("health", check).given() {
				return
			}
		}
		l.report.errorAt(l.anchor(p, "health"), "says nothing of what is checked", `write "silence": "10m" into it`)
	case !p.Log.Forward:
		l.report.errorAt(l.anchor(p, "health", "silence"), "its lines are discarded (log_forwarding: false), and not counted", "let its output be logged, or leave out the check")
	}
}
