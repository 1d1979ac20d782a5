package event

import (
	"fmt"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// Cause is why a run ended.
type Cause string

// The causes of an end.
const (
	CauseExited      Cause = "exited"
	CauseSignaled    Cause = "signaled"
	CauseStopped     Cause = "stopped" // by us
	CauseOOM         Cause = "oom"
	CauseTimeout     Cause = "timeout"
	CauseUnhealthy   Cause = "unhealthy"
	CauseRecycled    Cause = "recycled"
	CauseSpawnFailed Cause = "spawn-failed"
	CauseLost        Cause = "lost" // nobody could see it
)

// Exit is how one run ended. Exactly one of Code and Signal is set where the status is known.
type Exit struct {
	Code   *int      `json:"code"`
	Signal *string   `json:"signal"` // "SIGKILL"
	Cause  Cause     `json:"cause"`
	At     time.Time `json:"at"`

	Failure bool          `json:"-"` // counted by the policy
	Uptime  time.Duration `json:"-"`
	Detail  string        `json:"-"` // the error of a spawn that failed, or what was unhealthy
}

// In is the end with its time in a time zone. It may be asked of nil.
func (e *Exit) In(zone *time.Location) *Exit {
	if e == nil {
		return nil
	}
	local := *e
	local.At = e.At.In(zone)
	return &local
}

// String is "exited 1", "was killed by SIGKILL", "could not be started: …".
func (e Exit) String() string {
	switch {
	case e.Cause == CauseSpawnFailed:
		return "could not be started: " + e.Detail
	case e.Cause == CauseUnhealthy:
		return "was unhealthy (" + e.Detail + ") and " + e.ending()
	}
	return e.ending()
}

func (e Exit) ending() string {
	switch {
	case e.Cause == CauseOOM:
		return "was killed for want of memory"
	case e.Signal != nil:
		return "was killed by " + *e.Signal
	case e.Code != nil:
		return fmt.Sprintf("exited %d", *e.Code)
	}
	return "ended, its exit status was lost"
}

// Story is String with how long it lived: "exited 1 after 5s".
func (e Exit) Story() string {
	if e.Cause == CauseSpawnFailed {
		return e.String()
	}
	return e.String() + " after " + spec.FormatDuration(e.Uptime)
}
