package actors

import (
	"time"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// moment is a time as it is written down: for people by the wall clock, for us by the time since the system was started, so
// that a changed clock moves no deadline and forgives no failure. The zero value is no time.
type moment struct {
	Wall time.Time     `json:"wall,omitzero"`
	Boot time.Duration `json:"boot,omitempty"`
}

// clockBase is one moment by both clocks, taken once, so that the same time is always written the same.
type clockBase struct {
	at   time.Time
	boot time.Duration
}

// newClockBase takes the pair between which the least time has passed: on a busy machine a second may pass between two lines of ours, by
// which everything that an earlier daemon has written would come too soon.
func newClockBase() clockBase {
	var best clockBase
	least := time.Hour
	for range 100 {
		now := time.Now()
		boot := pidfd.SinceBoot()
		if took := time.Since(now); took < least {
			best, least = clockBase{now, boot}, took
		}
		if least < 20*time.Microsecond {
			break
		}
	}
	return best
}

func (b clockBase) write(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{Wall: t.Round(0).UTC(), Boot: b.boot + t.Sub(b.at)}
}

// read is the time with a monotonic reading. Where the system does not tell how long it runs, the wall clock counts.
func (b clockBase) read(m moment) time.Time {
	switch {
	case m.Wall.IsZero():
		return time.Time{}
	case m.Boot == 0 || b.boot == 0:
		return m.Wall
	}
	return b.at.Add(m.Boot - b.boot)
}
