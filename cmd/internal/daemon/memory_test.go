package daemon

import (
	"runtime/debug"
	"testing"
)

// A storm takes more memory for as long as many processes start, and gives it back when few do.
func TestMemoryGrowsInAStorm(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(growth))
	m := newMemory()
	m.stop()
	for i, moment := range []struct{ starts, want, calm int }{
		{storm - 1, growth, growth},
		{storm - 1, growth, growth}, // a few that crash again and again
		{3 * storm, stormGrowth, stormGrowth},
		{storm, stormGrowth, stormGrowth},
		{storm - 1, stormGrowth, growth},
		{storm, stormGrowth, stormGrowth},
		{0, stormGrowth, growth},
	} {
		for range moment.starts {
			m.starting()
		}
		if got := growthNow(); got != moment.want {
			t.Errorf("moment %d: after %d starts the growth is %d, want %d", i, moment.starts, got, moment.want)
		}
		m.calm.Stop()
		m.calmed()
		if got := growthNow(); got != moment.calm {
			t.Errorf("moment %d: when time has passed the growth is %d, want %d", i, got, moment.calm)
		}
	}
	m.calm.Stop()
}

func growthNow() int {
	now := debug.SetGCPercent(growth)
	debug.SetGCPercent(now)
	return now
}
