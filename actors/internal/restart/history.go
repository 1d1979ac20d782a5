package restart

import (
	"time"

	"github.com/dcousineau/phorever/spec"
)

// defaultWindow counts failures for the backoff of a process that never gives up.
const defaultWindow = 5 * time.Minute

// mostFailures bounds the memory of one window. Past it only the newest are kept; no limit is that high.
const mostFailures = 1000

// History is what a policy remembers of a process. The zero value remembers nothing. It is a value: methods return the
// changed one and never modify a slice that another copy sees.
type History struct {
	Failures []time.Time // oldest first, with monotonic readings
	Healing  bool        // the run that goes on now is a try after giving up
	// Shortages is how many starts in a row have failed for want of something that the machine is short of.
	Shortages int
}

// Count is how many failures are remembered.
func (h History) Count() int { return len(h.Failures) }

// Within is how many failures the policy's window still holds now.
func (h History) Within(policy spec.Restart, now time.Time) int {
	return h.prune(now, Window(policy)).Count()
}

func (h History) add(at time.Time, window time.Duration) History {
	h = h.prune(at, window)
	kept := h.Failures
	if len(kept) >= mostFailures {
		kept = kept[len(kept)-mostFailures+1:]
	}
	h.Failures = append(append(make([]time.Time, 0, len(kept)+1), kept...), at)
	return h
}

func (h History) prune(now time.Time, window time.Duration) History {
	first := 0
	for first < len(h.Failures) && now.Sub(h.Failures[first]) > window {
		first++
	}
	h.Failures = h.Failures[first:]
	return h
}
