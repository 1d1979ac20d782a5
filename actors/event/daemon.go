package event

import (
	"fmt"
	"strings"

	"github.com/dcousineau/phorever/spec"
)

// DaemonStarted says that the daemon answers, and is about to start what it was asked to.
type DaemonStarted struct {
	Version string
	Config  string
	Pid     int
}

// DaemonStopping says that everything ends now, and why.
type DaemonStopping struct{ Why string }

// ConfigApplied says that a reload was carried out.
type ConfigApplied struct {
	Config  string
	Changes []spec.Change
}

// ConfigRejected says that a configuration was refused; what runs goes on with the one before.
type ConfigRejected struct {
	First string // problem, on one line
	More  int    // problems
}

// Name is the event's name in JSON.
func (DaemonStarted) Name() string { return "daemon.started" }

// Name is the event's name in JSON.
func (DaemonStopping) Name() string { return "daemon.stopping" }

// Name is the event's name in JSON.
func (ConfigApplied) Name() string { return "config.applied" }

// Name is the event's name in JSON.
func (ConfigRejected) Name() string { return "config.rejected" }

// Severity is info.
func (DaemonStarted) Severity() Severity { return Info }

// Severity is info.
func (DaemonStopping) Severity() Severity { return Info }

// Severity is info.
func (ConfigApplied) Severity() Severity { return Info }

// Severity is error.
func (ConfigRejected) Severity() Severity { return Error }

// Subject is the daemon's pid.
func (e DaemonStarted) Subject() Subject { return Subject{Pid: e.Pid} }

// Subject is nothing of the user's.
func (DaemonStopping) Subject() Subject { return Subject{} }

// Subject is nothing of the user's.
func (ConfigApplied) Subject() Subject { return Subject{} }

// Subject is nothing of the user's.
func (ConfigRejected) Subject() Subject { return Subject{} }

func (e DaemonStarted) String() string {
	return fmt.Sprintf("phorever %s started, pid %d, for %s", e.Version, e.Pid, e.Config)
}

func (e DaemonStopping) String() string { return "stopping everything: " + e.Why }

func (e ConfigApplied) String() string {
	if len(e.Changes) == 0 {
		return "configuration read again: nothing changed"
	}
	var done []string
	for _, change := range e.Changes {
		who := change.Process
		if who == "" {
			who = "the daemon"
		}
		done = append(done, who+": "+string(change.Action))
	}
	const most = 8
	if len(done) > most {
		done = append(done[:most], fmt.Sprintf("and %d more", len(done)-most))
	}
	return "configuration applied: " + strings.Join(done, ", ")
}

func (e ConfigRejected) String() string {
	text := "configuration refused, everything runs on as it was: " + e.First
	switch e.More {
	case 0:
	case 1:
		text += " (and 1 more problem)"
	default:
		text += fmt.Sprintf(" (and %d more problems)", e.More)
	}
	return text
}

// DaemonRecovered says that this daemon goes on for one that did not end in order.
type DaemonRecovered struct {
	Processes int // taken back, as they were
	Lost      int // that ended while nobody could see how
	Why       string
	Pid       int
}

// DaemonUpgraded says that the daemon has become another binary; no process has noticed.
type DaemonUpgraded struct {
	From, To string
	Pid      int
}

// Name is the event's name in JSON.
func (DaemonRecovered) Name() string { return "daemon.recovered" }

// Name is the event's name in JSON.
func (DaemonUpgraded) Name() string { return "daemon.upgraded" }

// Severity is info.
func (DaemonRecovered) Severity() Severity { return Info }

// Severity is info.
func (DaemonUpgraded) Severity() Severity { return Info }

// Subject is the daemon's pid.
func (e DaemonRecovered) Subject() Subject { return Subject{Pid: e.Pid} }

// Subject is the daemon's pid.
func (e DaemonUpgraded) Subject() Subject { return Subject{Pid: e.Pid} }

func (e DaemonRecovered) String() string {
	text := fmt.Sprintf("the daemon before this one is gone (%s): %d processes taken back", e.Why, e.Processes)
	if e.Lost > 0 {
		text += fmt.Sprintf(", %d ended meanwhile and nobody saw how", e.Lost)
	}
	return text
}

func (e DaemonUpgraded) String() string {
	return fmt.Sprintf("upgraded from %s to %s; no process was touched", e.From, e.To)
}
