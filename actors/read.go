package actors

import (
	"cmp"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/sample"
	"github.com/dcousineau/phorever/spec"
)

// status renders the read-model: what is in the configuration in its order, then what is only ending.
func (m *model) status(now time.Time) []ProcessStatus {
	usage := m.sample(now, time.Second)
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.shape.Config == nil {
		return nil
	}
	all := make([]ProcessStatus, 0, len(m.processes))
	known := make(map[spec.CloneID]bool, len(m.processes))
	for i := range m.shape.Config.Processes {
		p := &m.shape.Config.Processes[i]
		for n := 1; n <= m.shape.Counts[p.ID]; n++ {
			id := p.Clone(n)
			known[id] = true
			moved, ever := m.processes[id]
			if !ever {
				moved = m.neverStarted(p, n)
			}
			all = append(all, m.render(moved, ever, usage[moved.Pid], now))
		}
	}
	for id, moved := range m.processes {
		if !known[id] && !moved.Retired {
			all = append(all, m.render(moved, true, usage[moved.Pid], now))
		}
	}
	return all
}

func (m *model) neverStarted(p *spec.Process, number int) processMoved {
	reason := "no role of it is active"
	switch {
	case m.activeRole(p) != "" && !p.Autostart:
		reason = "starts only by name (autostart: false)"
	case m.activeRole(p) != "":
		reason = "stopped by an order"
	case len(p.Roles) == 0:
		reason = "not started"
	}
	return processMoved{ID: p.Clone(number), Process: p, Config: m.shape.Config, Number: number, State: event.Stopped, Reason: reason}
}

func (m *model) activeRole(p *spec.Process) string {
	for _, role := range p.Roles {
		for _, active := range m.shape.Active {
			if role == active {
				return role
			}
		}
	}
	return ""
}

func (m *model) render(moved processMoved, ever bool, usage sample.Usage, now time.Time) ProcessStatus {
	zone := moved.Config.Timezone
	role := m.activeRole(moved.Process)
	s := ProcessStatus{
		ID: moved.ID, Name: moved.Process.Name, Clone: moved.Number, State: moved.State, StateCode: moved.State.Code(),
		Reason: moved.Reason, Run: moved.Run, Restarts: max(0, moved.Run-1),
		FailuresInWindow: moved.Failures.Within(moved.Process.Restart, now), Health: cmp.Or(moved.Health, unknown),
		Roles: append([]string{}, moved.Process.Roles...), Wanted: m.shape.Wanted[moved.ID], Listed: ever || role != "",
	}
	if role != "" {
		s.Role = &role
	}
	if moved.Pid > 0 {
		started := moved.StartedAt.In(zone)
		s.Pid, s.StartedAt = &moved.Pid, &started
		s.UptimeSeconds = now.Sub(moved.StartedAt).Round(time.Millisecond).Seconds()
		s.CPUPercent, s.MemoryBytes = usage.CPUPercent, usage.Memory
	}
	s.Exit = moved.Exit.In(zone)
	s.Failed = s.State == event.Fatal || s.State == event.Exited && moved.Exit != nil && moved.Exit.Failure
	if !moved.NextStart.IsZero() {
		next := now.Add(moved.NextStart.Sub(now)).In(zone) // by the wall clock as it goes now: it may have been set since
		s.NextStartAt = &next
		word := "; next start in "
		if moved.State == event.Fatal {
			word = "; next try in "
		}
		s.Reason = strings.TrimPrefix(s.Reason+word+left(moved.NextStart, now), "; ")
	}
	if !moved.KillAt.IsZero() {
		s.Reason += "; KILL in " + left(moved.KillAt, now)
	}
	if moved.Lines != nil {
		s.LoggedLines, s.DroppedLines = moved.Lines.Logged.Load(), moved.Lines.Dropped.Load()
	}
	if moved.Process.Log.Forward {
		s.StdoutFile, s.StderrFile = displayedFiles(moved, role)
		if problem := m.logProblem(s.StdoutFile, s.StderrFile); problem != "" && moved.Pid > 0 {
			s.Reason = strings.TrimPrefix(s.Reason+"; "+problem, "; ")
		}
	}
	return s
}

// left is a time to come in whole seconds, for people: 1s until it has come.
func left(at, now time.Time) string {
	return spec.FormatDuration(max(time.Second, (at.Sub(now) + time.Second/2).Truncate(time.Second)))
}

// displayedFiles are the log files as configured; a name that cannot be expanded is shown as written.
func displayedFiles(moved processMoved, role string) (stdout, stderr string) {
	if moved.Names != nil {
		return moved.Names.stdout, moved.Names.stderr
	}
	stdout, stderr, err := logFiles(moved.Config, moved.Process, moved.Number, role, nil)
	if err != nil {
		directory := moved.Config.Logging.Directory
		return inDirectory(directory, moved.Process.Log.Stdout), inDirectory(directory, moved.Process.Log.Stderr)
	}
	return stdout, stderr
}

func (m *model) roles() []RoleStatus {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var all []RoleStatus
	for _, role := range m.shape.Config.Roles {
		all = append(all, m.role(role))
	}
	for _, active := range m.shape.Active {
		if !(directory{config: m.shape.Config}).declared(active) {
			all = append(all, m.role(roleOf(m.shape.Config, active)))
		}
	}
	return all
}

func (m *model) role(role spec.Role) RoleStatus {
	s := RoleStatus{Name: role.Name, Supervision: string(role.Supervision), Essential: role.Essential, Processes: []string{}}
	for _, active := range m.shape.Active {
		s.Active = s.Active || active == role.Name
	}
	for _, p := range m.shape.Config.Processes {
		for _, name := range p.Roles {
			if name == role.Name {
				s.Processes = append(s.Processes, p.ID)
			}
		}
	}
	return s
}
