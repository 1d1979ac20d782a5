package restart

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/spec"
)

var epoch = time.Unix(1_700_000_000, 0)

// usual is the policy of a process that configures nothing.
func usual() spec.Restart {
	return spec.Restart{
		Resurrect: spec.ResurrectAlways, After: 5 * time.Second, StableAfter: time.Second, SuccessExitCodes: []int{0},
		Backoff: spec.Backoff{Factor: 1, Max: time.Minute, Jitter: 0.1},
		GiveUp:  &spec.GiveUp{After: 10, Within: 5 * time.Minute, RetryEvery: time.Minute, ExitCodes: []int{78}},
	}
}

func with(change func(*spec.Restart)) spec.Restart {
	policy := usual()
	change(&policy)
	return policy
}

func TestDecide(t *testing.T) {
	failures := func(n int) History {
		h := History{}
		for i := range n {
			h.Failures = append(h.Failures, epoch.Add(-time.Duration(n-i)*time.Second))
		}
		return h
	}
	healing := failures(11)
	healing.Healing = true
	for _, c := range []struct {
		name    string
		policy  spec.Restart
		history History
		end     End
		want    Verdict
	}{
		{"success after a long life waits resurrect_after", usual(), History{}, End{Uptime: time.Hour},
			Verdict{Action: Again, Delay: 5 * time.Second}},
		{"an early success is a failure", usual(), History{}, End{Uptime: time.Millisecond},
			Verdict{Action: Again, Delay: 5 * time.Second, Failure: true, Early: true, Failures: 1}},
		{"resurrect_after 0 is at once after a stable life", with(func(p *spec.Restart) { p.After = 0 }), History{}, End{Signaled: true, Uptime: time.Hour},
			Verdict{Action: Again, Failure: true, Failures: 1}},
		{"resurrect_after 0 waits a second after an early end", with(func(p *spec.Restart) { p.After = 0 }), History{}, End{Code: 1, Uptime: time.Millisecond},
			Verdict{Action: Again, Delay: time.Second, Failure: true, Early: true, Failures: 1}},
		{"on-failure: success is the end", with(func(p *spec.Restart) { p.Resurrect = spec.ResurrectOnFailure }), History{}, End{Uptime: time.Millisecond},
			Verdict{Action: Finish, Early: true}},
		{"on-failure: failure is not", with(func(p *spec.Restart) { p.Resurrect = spec.ResurrectOnFailure }), History{}, End{Code: 3, Uptime: time.Hour},
			Verdict{Action: Again, Delay: 5 * time.Second, Failure: true, Failures: 1}},
		{"a shortage is nobody's fault: it is tried again", with(func(p *spec.Restart) { p.Resurrect = spec.ResurrectNever }), failures(10), End{SpawnFailed: true, Shortage: true},
			Verdict{Action: Again, Delay: time.Second, Failure: true, Early: true, Shortage: true, Failures: 10}},
		{"a long shortage is not tried all the time", usual(), History{Shortages: 3}, End{SpawnFailed: true, Shortage: true},
			Verdict{Action: Again, Delay: 8 * time.Second, Failure: true, Early: true, Shortage: true}},
		{"never for longer than ten seconds", usual(), History{Shortages: 1000}, End{SpawnFailed: true, Shortage: true},
			Verdict{Action: Again, Delay: 10 * time.Second, Failure: true, Early: true, Shortage: true}},
		{"a healing try that fails for a shortage has failed", usual(), healing, End{SpawnFailed: true, Shortage: true},
			Verdict{Action: GiveUp, Delay: time.Minute, Failure: true, Early: true, Failures: 12, Told: true, Reason: "12 failures within 5m"}},
		{"what may be it runs already: no second copy", with(func(p *spec.Restart) { p.GiveUp = nil }), History{}, End{SpawnFailed: true, Doubtful: true},
			Verdict{Action: GiveUp, Failure: true, Early: true, Failures: 1, Reason: "something runs already that may be it"}},
		{"never: any end is the end", with(func(p *spec.Restart) { p.Resurrect = spec.ResurrectNever }), History{}, End{Signaled: true},
			Verdict{Action: Finish, Failure: true, Early: true, Failures: 1}},
		{"a success exit code", with(func(p *spec.Restart) { p.SuccessExitCodes = []int{0, 12} }), History{}, End{Code: 12, Uptime: time.Hour},
			Verdict{Action: Again, Delay: 5 * time.Second}},
		{"78 is hopeless at once and is not healed", usual(), History{}, End{Code: 78, Uptime: time.Hour},
			Verdict{Action: GiveUp, Failure: true, Failures: 1, Reason: "exit code 78 means that trying again is useless"}},
		{"the tenth failure is allowed", usual(), failures(9), End{Code: 1, Uptime: time.Hour},
			Verdict{Action: Again, Delay: 5 * time.Second, Failure: true, Failures: 10}},
		{"the eleventh is not", usual(), failures(10), End{Code: 1, Uptime: time.Hour},
			Verdict{Action: GiveUp, Delay: time.Minute, Failure: true, Failures: 11, Reason: "11 failures within 5m"}},
		{"give_up false never gives up", with(func(p *spec.Restart) { p.GiveUp = nil }), failures(500), End{Code: 1, Uptime: time.Hour},
			Verdict{Action: Again, Delay: 5 * time.Second, Failure: true, Failures: 301}}, // the window is inclusive
		{"a healing try that fails is told already", usual(), healing, End{Code: 1, Uptime: time.Second},
			Verdict{Action: GiveUp, Delay: time.Minute, Failure: true, Failures: 12, Told: true, Reason: "12 failures within 5m"}},
		{"a healing try that ends well has healed", usual(), healing, End{Uptime: 5 * time.Second},
			Verdict{Action: Again, Delay: 5 * time.Second, Failures: 11, Healed: true}},
		{"factor 2 doubles", with(func(p *spec.Restart) { p.Backoff.Factor, p.Backoff.Jitter = 2, 0 }), failures(2), End{Code: 1, Uptime: time.Hour},
			Verdict{Action: Again, Delay: 20 * time.Second, Failure: true, Failures: 3}},
		{"up to max", with(func(p *spec.Restart) { p.Backoff.Factor, p.Backoff.Jitter = 2, 0 }), failures(8), End{Code: 1, Uptime: time.Hour},
			Verdict{Action: Again, Delay: time.Minute, Failure: true, Failures: 9}},
		{"or to resurrect_after, if that is longer", with(func(p *spec.Restart) { p.After, p.Backoff.Factor = 2*time.Minute, 2 }), failures(8), End{Code: 1, Uptime: time.Hour},
			Verdict{Action: Again, Delay: 2 * time.Minute, Failure: true, Failures: 9}},
		{"a spawn that fails is a failure", usual(), History{}, End{SpawnFailed: true},
			Verdict{Action: Again, Delay: 5 * time.Second, Failure: true, Early: true, Failures: 1}},
		{"an exit that nobody saw is a failure", usual(), History{}, End{Lost: true, Uptime: time.Hour},
			Verdict{Action: Again, Delay: 5 * time.Second, Failure: true, Failures: 1}},
	} {
		c.end.At = epoch
		got, _ := Decide(c.policy, c.history, c.end, 0.5)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
}

// With `after: N` a process that always fails is started 1 + N times, whatever the delays, as long as they fit the window.
func TestGiveUpIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := usual()
		policy.GiveUp.After = rapid.IntRange(1, 40).Draw(t, "after")
		policy.Backoff.Factor = rapid.Float64Range(1, 3).Draw(t, "factor")
		policy.After = time.Duration(rapid.IntRange(0, 1000).Draw(t, "delay ms")) * time.Millisecond
		policy.GiveUp.Within = 365 * 24 * time.Hour
		now, starts, history := epoch, 0, History{}
		for {
			starts++
			var verdict Verdict
			verdict, history = Decide(policy, history, End{Code: 1, At: now, Uptime: time.Duration(starts) * time.Second}, 0.3)
			if verdict.Action == GiveUp {
				break
			}
			now = now.Add(verdict.Delay)
		}
		if want := 1 + policy.GiveUp.After; starts != want {
			t.Fatalf("want %d starts, got %d", want, starts)
		}
	})
}

// The delay never falls below what the operator asked for, never exceeds the larger of max and resurrect_after, and is
// exact where it is not lengthened.
func TestDelaysAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := usual()
		policy.GiveUp = nil
		policy.After = time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "after"))
		policy.Backoff.Max = time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "max"))
		policy.Backoff.Factor = rapid.Float64Range(1, 1e6).Draw(t, "factor")
		policy.Backoff.Jitter = rapid.Float64Range(0, 1).Draw(t, "jitter")
		history, now := History{}, epoch
		for range rapid.IntRange(1, 60).Draw(t, "failures") {
			var verdict Verdict
			verdict, history = Decide(policy, history, End{Code: 1, At: now, Uptime: time.Hour}, rapid.Float64Range(0, 0.999).Draw(t, "chance"))
			if verdict.Delay < policy.After || verdict.Delay > max(policy.After, policy.Backoff.Max) {
				t.Fatalf("delay %s with after %s and max %s", verdict.Delay, policy.After, policy.Backoff.Max)
			}
			now = now.Add(time.Second)
		}
	})
}

// Failures are forgiven one by one as they leave the window.
func TestTheWindowSlides(t *testing.T) {
	policy := with(func(p *spec.Restart) { p.GiveUp.After = 2; p.GiveUp.Within = 10 * time.Second })
	history := History{}
	for i, at := range []int{0, 6, 11, 17, 18} {
		var verdict Verdict
		verdict, history = Decide(policy, history, End{Code: 1, Uptime: time.Hour, At: epoch.Add(time.Duration(at) * time.Second)}, 0)
		if gaveUp := verdict.Action == GiveUp; gaveUp != (i == 4) {
			t.Fatalf("failure %d at %ds: %+v", i+1, at, verdict)
		}
	}
	if n := history.Within(policy, epoch.Add(time.Minute)); n != 0 {
		t.Fatalf("a minute later the window holds %d", n)
	}
}
