package restart

import (
	"testing"
	"time"
)

func TestFlappingIsMoreOftenThanUsual(t *testing.T) {
	// every lets a process fail so often, and answers after how many failures it was said to flap.
	every := func(p Pace, at time.Time, gap time.Duration, times int) (Pace, time.Time, []int) {
		var told []int
		for n := range times {
			at = at.Add(gap)
			var flaps bool
			if p, flaps, _ = p.Failed(at); flaps {
				told = append(told, n+1)
			}
		}
		return p, at, told
	}
	for _, c := range []struct {
		name   string
		before time.Duration // so often for two days
		now    time.Duration
		times  int
		want   int // the failure at which it is told, 0 for never
	}{
		{"a new one that keeps failing", 0, 5 * time.Second, 30, 5},
		{"a new one that fails now and then", 0, 10 * time.Minute, 100, 0},
		{"one that fails every hour fails every ten seconds", time.Hour, 10 * time.Second, 30, 4},
		{"one that fails every minute goes on so", time.Minute, time.Minute, 1000, 0},
		{"one that fails every minute fails twice as often", time.Minute, 30 * time.Second, 100, 0},
		{"one that fails every two minutes fails every three seconds", 2 * time.Minute, 3 * time.Second, 100, 10},
	} {
		p, at := Pace{}, epoch
		if c.before > 0 {
			p, at, _ = every(p, at, c.before, int(48*time.Hour/c.before))
			p.Flapping = false
		}
		_, _, told := every(p, at, c.now, c.times)
		if c.want == 0 && len(told) > 0 || c.want > 0 && (len(told) != 1 || told[0] < c.want || told[0] > c.want+5) {
			t.Errorf("%s: told at %v, want once at %d or little later", c.name, told, c.want)
		}
	}
	p, at, first := every(Pace{}, epoch, time.Second, 10)
	_, _, again := every(p, at.Add(time.Hour), time.Second, 10)
	if len(first) != 1 || len(again) != 1 {
		t.Errorf("told %v, and after an hour of calm %v", first, again)
	}
}
