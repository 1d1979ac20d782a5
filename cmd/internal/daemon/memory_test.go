package daemon

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// A storm takes more memory and processors for as long as many processes start, and gives them back when few do.
func TestMemoryGrowsInAStorm(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(growth))
	processors := runtime.GOMAXPROCS(0)
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
		if stormy := runtime.GOMAXPROCS(0) == processors+stormForks; stormy != (moment.want == stormGrowth) {
			t.Errorf("moment %d: after %d starts there are %d processors, and were %d", i, moment.starts, runtime.GOMAXPROCS(0), processors)
		}
		m.calm.Stop()
		m.calmed()
		if got := growthNow(); got != moment.calm {
			t.Errorf("moment %d: when time has passed the growth is %d, want %d", i, got, moment.calm)
		}
		if stormy := runtime.GOMAXPROCS(0) != processors; stormy != (moment.calm == stormGrowth) {
			t.Errorf("moment %d: when time has passed there are %d processors, and were %d", i, runtime.GOMAXPROCS(0), processors)
		}
	}
	m.calm.Stop()
}

// On a machine with one processor a fork that hangs may not keep all that there are.
func TestOneProcessorIsTooFew(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(growth))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	t.Setenv("GOMAXPROCS", "1")
	m := newMemory()
	defer m.stop()
	for _, starts := range []int{0, storm, 0} {
		for range starts {
			m.starting()
		}
		m.calmed()
		if n := runtime.GOMAXPROCS(0); n < 2 {
			t.Errorf("after %d starts there is %d", starts, n)
		}
	}
}

func growthNow() int {
	now := debug.SetGCPercent(growth)
	debug.SetGCPercent(now)
	return now
}
