package event

import (
	"fmt"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// ProcessRunaway says that a process uses all of its CPU, and has for a while. Next is what follows.
type ProcessRunaway struct {
	ID   spec.CloneID
	Role string
	Run  int
	Pid  int
	CPU  float64 // cores
	For  time.Duration
	Next string
}

// Calm is how what ran away goes on.
type Calm struct {
	CPU   float64       // cores
	After time.Duration // it began
}

// ProcessGrowing says that the memory of a process will reach its limit (cgroup.memory_max, limits.as) within an hour if it goes on to grow
// as it does.
type ProcessGrowing struct {
	ID     spec.CloneID
	Role   string
	Run    int
	Pid    int
	Memory int64 // bytes
	Limit  int64
	Hourly float64 // bytes an hour
	Left   time.Duration
}

// ProcessUnhealthy says that a check of a process fails, and how. Next is what follows.
type ProcessUnhealthy struct {
	ID   spec.CloneID
	Role string
	Run  int
	Pid  int
	Why  string
	Next string
}

// ProcessHealthy says that what was unhealthy is not any more.
type ProcessHealthy struct {
	ID   spec.CloneID
	Role string
	Run  int
	Pid  int
	Why  string
}

// Name is the event's name in JSON.
func (ProcessRunaway) Name() string { return "process.runaway" }

// Name is the event's name in JSON.
func (ProcessGrowing) Name() string { return "process.growing" }

// Name is the event's name in JSON.
func (ProcessUnhealthy) Name() string { return "process.unhealthy" }

// Name is the event's name in JSON.
func (ProcessHealthy) Name() string { return "process.healthy" }

// Severity is warning.
func (ProcessRunaway) Severity() Severity { return Warning }

// Severity is warning.
func (ProcessGrowing) Severity() Severity { return Warning }

// Severity is warning.
func (ProcessUnhealthy) Severity() Severity { return Warning }

// Severity is info.
func (ProcessHealthy) Severity() Severity { return Info }

// Subject is the run.
func (e ProcessRunaway) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid, Next: e.Next}
}

// Subject is the run.
func (e ProcessGrowing) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid}
}

// Subject is the run.
func (e ProcessUnhealthy) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid, Next: e.Next}
}

// Subject is the run.
func (e ProcessHealthy) Subject() Subject {
	return Subject{Process: e.ID, Role: e.Role, Run: e.Run, Pid: e.Pid}
}

func (e ProcessRunaway) String() string {
	return fmt.Sprintf("%s runs away: %.0f %% CPU for %s; %s", e.ID, e.CPU*100, spec.FormatDuration(e.For), e.Next)
}

func (e ProcessGrowing) String() string {
	return fmt.Sprintf("%s grows by %s an hour: it has %s of %s, and reaches that in %s",
		e.ID, spec.FormatSize(int64(e.Hourly)), spec.FormatSize(e.Memory), spec.FormatSize(e.Limit), spec.FormatDuration(e.left()))
}

// left is as exact as a guess is.
func (e ProcessGrowing) left() time.Duration {
	if e.Left < 10*time.Minute {
		return max(e.Left.Round(10*time.Second), 10*time.Second)
	}
	return e.Left.Round(time.Minute)
}

func (e ProcessUnhealthy) String() string {
	return fmt.Sprintf("%s is unhealthy: %s; %s", e.ID, e.Why, e.Next)
}

func (e ProcessHealthy) String() string { return fmt.Sprintf("%s is healthy again: %s", e.ID, e.Why) }
