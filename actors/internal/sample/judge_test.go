package sample

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// watch has a judge look every step, and says what it found when, as "40s RunsAway".
func watch(b Bounds, step, length time.Duration, at func(since time.Duration) Vitals) (found []string, all []Finding) {
	begin := time.Now()
	j := NewJudge(begin, at(0).Lines)
	for since := step; since <= length; since += step {
		v := at(since)
		v.At = begin.Add(since)
		for _, f := range j.Look(b, v) {
			found = append(found, fmt.Sprintf("%s %s", since, fmt.Sprintf("%T", f)[len("sample."):]))
			all = append(all, f)
		}
	}
	return found, all
}

// between is 1 in one of the spans, given in seconds, and else 0.
func between(since time.Duration, spans ...float64) float64 {
	for i := 0; i < len(spans); i += 2 {
		if s := since.Seconds(); s > spans[i] && s <= spans[i+1] {
			return 1
		}
	}
	return 0
}

func TestRunningAway(t *testing.T) {
	b := Bounds{CPU: 0.95, For: 30 * time.Second}
	for _, c := range []struct {
		name string
		busy []float64 // seconds
		want []string
	}{
		{"idle", nil, nil},
		{"not long enough", []float64{10, 39}, nil},
		{"twice, with a pause", []float64{10, 35, 40, 65}, nil},
		{"for so long", []float64{10, 60}, []string{"40s RunsAway", "1m20s CalmsDown"}},
		{"it catches its breath", []float64{10, 60, 70, 100}, []string{"40s RunsAway", "2m0s CalmsDown"}},
		{"for ever", []float64{0, 1000}, []string{"30s RunsAway"}},
		{"twice", []float64{0, 60, 100, 140}, []string{"30s RunsAway", "1m20s CalmsDown", "2m10s RunsAway", "2m40s CalmsDown"}},
	} {
		found, all := watch(b, 5*time.Second, 200*time.Second, func(since time.Duration) Vitals { return Vitals{CPU: between(since, c.busy...)} })
		if !slices.Equal(found, c.want) {
			t.Errorf("%s: want %v, got %v", c.name, c.want, found)
		}
		for _, f := range all {
			if r, ok := f.(RunsAway); ok && (math.Abs(r.CPU-1) > 1e-6 || r.For != b.For) {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
	}
}

func TestSilence(t *testing.T) {
	b := Bounds{Silence: 20 * time.Second, Grace: 60 * time.Second}
	for _, c := range []struct {
		name string
		says []float64 // a line a second
		want []string
	}{
		{"it never says a word", nil, []string{"1m20s FallsSilent"}},
		{"it says one at first", []float64{0, 5}, []string{"5s Speaks", "25s FallsSilent"}},
		{"it is only slow", []float64{10, 15, 30, 35, 50, 55}, []string{"15s Speaks", "1m15s FallsSilent"}},
		{"it comes back", []float64{0, 5, 50, 200}, []string{"5s Speaks", "25s FallsSilent", "55s Speaks"}},
	} {
		found, _ := watch(b, 5*time.Second, 100*time.Second, func(since time.Duration) Vitals {
			lines := int64(1000)
			for s := time.Second; s <= since; s += time.Second {
				lines += int64(between(s, c.says...))
			}
			return Vitals{Lines: lines}
		})
		if !slices.Equal(found, c.want) {
			t.Errorf("%s: want %v, got %v", c.name, c.want, found)
		}
	}
}

const mib = 1 << 20

func TestGrowth(t *testing.T) {
	b := Bounds{Memory: 512 * mib}
	for _, c := range []struct {
		name   string
		memory func(seconds float64) float64 // MiB
		want   string
	}{
		{"it stays", func(float64) float64 { return 500 }, ""},
		{"it leaks", func(s float64) float64 { return 100 + s/10 }, "8m40s Grows"},
		{"it leaks fast", func(s float64) float64 { return 100 + s }, "2m55s Grows"},
		{"it leaks and breathes", func(s float64) float64 { return 100 + s/5 + math.Sin(s) }, "2m55s Grows"},
		{"it leaks so slowly that nobody need hurry", func(s float64) float64 { return 100 + s/100 }, ""},
		{"it fills its caches", func(s float64) float64 { return 100 + 300*(1-math.Exp(-s/30)) }, ""},
		{"it works in waves", func(s float64) float64 { return 100 + 80*math.Abs(math.Sin(s/40)) }, ""},
		{"it jumps once", func(s float64) float64 {
			if s > 120 {
				return 300
			}
			return 100
		}, ""},
		{"it shrinks", func(s float64) float64 { return 500 - s/10 }, ""},
	} {
		found, all := watch(b, 5*time.Second, 15*time.Minute, func(since time.Duration) Vitals {
			return Vitals{Memory: int64(c.memory(since.Seconds()) * mib)}
		})
		if got := fmt.Sprint(found); got != fmt.Sprintf("[%s]", c.want) {
			t.Errorf("%s: want [%s], got %s: %+v", c.name, c.want, got, all)
		}
	}
}

// What grows evenly is told once, and when it will be full is right within a tenth.
func TestTheTimeThatIsLeftIsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(64*mib, 64<<30).Draw(t, "limit")
		begin := rapid.Float64Range(0.05, 0.5).Draw(t, "share in use")
		full := rapid.Float64Range(400, 3300).Draw(t, "seconds until it is full")
		noise := rapid.Float64Range(0, 0.003).Draw(t, "noise")
		memory := func(since time.Duration, chance float64) int64 {
			return int64(float64(limit) * (begin + (1-begin)*since.Seconds()/full + noise*(chance-0.5)))
		}
		at := time.Duration(0)
		_, all := watch(Bounds{Memory: limit}, 5*time.Second, 300*time.Second, func(since time.Duration) Vitals {
			at = since
			return Vitals{Memory: memory(since, rapid.Float64Range(0, 1).Draw(t, "chance"))}
		})
		if at == 0 || len(all) > 1 {
			t.Fatalf("%+v", all)
		}
		if len(all) == 0 && noise < 0.0005 {
			t.Fatal("it is not seen to grow")
		}
		for _, f := range all {
			g := f.(Grows)
			hourly := float64(limit) * (1 - begin) / full * 3600
			if g.Limit != limit || math.Abs(g.Hourly/hourly-1) > 0.1+noise*40 || g.Left <= 0 || g.Left > soon {
				t.Fatalf("%+v; it grows by %.0f bytes an hour", g, hourly)
			}
		}
	})
}

// A second life is judged by itself, and what is not bounded is never told.
func TestNothingIsToldOfWhatHasNoBounds(t *testing.T) {
	found, _ := watch(Bounds{}, 5*time.Second, time.Hour, func(since time.Duration) Vitals {
		return Vitals{CPU: 8, Memory: int64(since), Lines: 0}
	})
	if len(found) > 0 || (Bounds{}).Judged() || !(Bounds{Silence: 1}).Judged() {
		t.Errorf("%v", found)
	}
}
