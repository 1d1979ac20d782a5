package outbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

func TestTheTimeOfTheNextTry(t *testing.T) {
	at := noon.Add(time.Hour)
	fresh := func(attempts int) Entry { return Entry{Attempts: attempts, QueuedAt: noon} }
	for _, c := range []struct {
		what   string
		e      Entry
		err    error
		jitter float64
		want   time.Duration
		final  bool
	}{
		{"first", fresh(0), errDown, 0, time.Second, false},
		{"early", fresh(0), errDown, -1, 900 * time.Millisecond, false},
		{"late", fresh(3), errDown, 1, 8800 * time.Millisecond, false},
		{"never more than ten seconds", fresh(4), errDown, 1, 10 * time.Second, false},
		{"the last of them", fresh(9), errDown, 1, 10 * time.Second, false},
		{"then more", fresh(10), errDown, 1, 22 * time.Second, false},
		{"at most a minute", fresh(15), errDown, 0, time.Minute, false},
		{"for ever", fresh(1000), errDown, -1, 54 * time.Second, false},
		{"nearly a day old", Entry{QueuedAt: at.Add(-patience + 1)}, errDown, 0, time.Second, false},
		{"a day old", Entry{QueuedAt: at.Add(-patience)}, errDown, 0, 0, true},
		{"refused", fresh(0), fmt.Errorf("ops: %w", news.Refusal{Err: errDown}), 0, 0, true},
		{"delayed", fresh(0), fmt.Errorf("ops: %w", news.Delay{After: 90 * time.Second, Err: errDown}), 1, 90 * time.Second, false},
		{"not at all delayed", fresh(0), news.Delay{After: -5, Err: errDown}, 0, time.Second, false},
		{"delayed for ages", fresh(0), news.Delay{After: 100 * time.Hour, Err: errDown}, 0, time.Hour, false},
		{"delayed after a day", Entry{QueuedAt: at.Add(-patience)}, news.Delay{After: time.Second, Err: errDown}, 0, 0, true},
	} {
		next, final := retry(c.e, c.err, at, c.jitter)
		if final != c.final || !final && next.Sub(at) != c.want {
			t.Errorf("%s: %s, %v; want %s, %v", c.what, next.Sub(at), final, c.want, c.final)
		}
	}
}

// TestTheFirstMinute: whatever the jitter does, there are never more than ten seconds between two tries in it.
func TestTheFirstMinute(t *testing.T) {
	for _, jitter := range []float64{-1, -0.5, 0, 0.5, 1} {
		now := noon
		for e := (Entry{QueuedAt: noon}); now.Before(noon.Add(time.Minute)); e.Attempts++ {
			next, _ := retry(e, errDown, now, jitter)
			if next.Sub(now) > 10*time.Second || !next.After(now) {
				t.Errorf("jitter %g: after %s come %s", jitter, now.Sub(noon), next.Sub(now))
			}
			now = next
		}
	}
	for range 1000 {
		if j := (Hooks{}).complete().Jitter(); j < -1 || j > 1 {
			t.Errorf("jitter %g", j)
		}
	}
}
