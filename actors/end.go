package actors

import (
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/actors/internal/restart"
	"github.com/dcousineau/phorever/spec"
)

// runEnd is how one run ended: it never ran (Err), or its process ended with a status.
type runEnd struct {
	Run     int
	Pid     int
	Since   time.Time // when it had its pid
	Err     error
	Status  child.Status
	At      time.Time
	Illness string // for which it was ended
}

func (r *runActor) endOf(status child.Status, at time.Time) runEnd {
	return runEnd{Run: r.run.id.Run, Pid: r.pid, Since: r.since, Status: status, At: at}
}

// forPolicy is the end as the policy looks at it.
func (e runEnd) forPolicy(uptime time.Duration) restart.End {
	return restart.End{
		Code: e.Status.Code, Signaled: e.Status.Signal != 0, SpawnFailed: e.Err != nil, Shortage: e.Err != nil && child.Shortage(e.Err), Lost: e.Status.Lost,
		Doubtful: e.Err != nil && child.Doubtful(e.Err), Unhealthy: e.Illness != "", Uptime: uptime, At: e.At,
	}
}

// forPeople is the end as users read it.
func (e runEnd) forPeople(uptime time.Duration, ordered bool) event.Exit {
	exit := event.Exit{At: e.At, Uptime: uptime}
	switch {
	case e.Err != nil:
		exit.Cause, exit.Detail = event.CauseSpawnFailed, e.Err.Error()
		return exit
	case e.Status.Lost:
		exit.Cause = event.CauseLost
	case e.Status.Signal != 0:
		name := spec.SignalName(e.Status.Signal)
		exit.Signal, exit.Cause = &name, event.CauseSignaled
	default:
		code := e.Status.Code
		exit.Code, exit.Cause = &code, event.CauseExited
	}
	switch {
	case ordered:
		exit.Cause = event.CauseStopped
	case e.Illness != "":
		exit.Cause, exit.Detail = event.CauseUnhealthy, e.Illness
	case e.Status.OOM && e.Status.Signal == syscall.SIGKILL:
		exit.Cause = event.CauseOOM
	}
	return exit
}
