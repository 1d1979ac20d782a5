package restart

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// Action is what follows an end.
type Action int

// The actions of a Verdict.
const (
	Again  Action = iota // start again after Delay, which may be 0
	Finish               // done: EXITED
	GiveUp               // hopeless: FATAL
)

// shortestEarly is the least wait after a run that ended before it was stable, so that no policy spins.
const shortestEarly = time.Second

// longestShortage bounds the wait for a machine that is short of something: it doubles from shortestEarly.
const longestShortage = 10 * time.Second

// HealedAfter is how long a healing try must be up to count as recovered.
const HealedAfter = time.Minute

// End is one end of a run that nobody ordered.
type End struct {
	Code        int
	Signaled    bool
	SpawnFailed bool // it never ran
	Shortage    bool // because the machine was short of something
	Doubtful    bool // because something runs that may be of it, so that another try may make a second copy
	Lost        bool // nobody saw how it ended
	Unhealthy   bool // we ended it, as it was of no use
	Uptime      time.Duration
	At          time.Time // with its monotonic reading
}

// Verdict is the answer to an End.
type Verdict struct {
	Action   Action
	Delay    time.Duration // until the next start, from End.At: of Again, and of GiveUp with healing (0: never tried again)
	Failure  bool          // the end is a failure, which counts unless it is a Shortage
	Early    bool          // the run had not lived stable_after
	Shortage bool          // it is to be tried again whatever the policy says, and counts for nothing
	Failures int           // in the window, this one included
	Told     bool          // GiveUp that was announced before: a healing try that failed
	Healed   bool          // the end proves that a healing try has recovered
	Reason   string        // of GiveUp: "11 failures in 5m"
}

// Decide answers one end by the policy. The History that it returns replaces the one it was given.
// chance is uniform in [0, 1) and is used only for the jitter of lengthened delays.
func Decide(policy spec.Restart, history History, end End, chance float64) (Verdict, History) {
	if end.Shortage && !history.Healing {
		delay := min(shortestEarly<<min(history.Shortages, 10), longestShortage)
		history = history.prune(end.At, Window(policy))
		history.Shortages++
		return Verdict{Action: Again, Delay: delay, Failure: true, Early: true, Shortage: true, Failures: history.Count()}, history
	}
	history.Shortages = 0
	early := end.SpawnFailed || end.Uptime < policy.StableAfter
	failure := failed(policy, end) || early && policy.Resurrect == spec.ResurrectAlways
	verdict := Verdict{Failure: failure, Early: early}
	if failure {
		history = history.add(end.At, Window(policy))
	} else {
		history = history.prune(end.At, Window(policy))
	}
	verdict.Failures = history.Count()

	if policy.Resurrect == spec.ResurrectNever || !failure && policy.Resurrect == spec.ResurrectOnFailure {
		verdict.Action, verdict.Healed = Finish, history.Healing && !failure
		return verdict, History{}
	}
	if end.Doubtful {
		verdict.Action, verdict.Told = GiveUp, history.Healing
		verdict.Reason = "something runs already that may be it"
		history.Healing = false
		return verdict, history
	}
	if failure && policy.GiveUp != nil {
		if !end.Signaled && !end.SpawnFailed && !end.Lost && !end.Unhealthy && slices.Contains(policy.GiveUp.ExitCodes, end.Code) {
			verdict.Action, verdict.Told = GiveUp, history.Healing
			verdict.Reason = fmt.Sprintf("exit code %d means that trying again is useless", end.Code)
			history.Healing = false
			return verdict, history
		}
		if history.Healing || verdict.Failures > policy.GiveUp.After {
			verdict.Action, verdict.Told = GiveUp, history.Healing
			verdict.Delay = policy.GiveUp.RetryEvery
			verdict.Reason = fmt.Sprintf("%d failures within %s", verdict.Failures, spec.FormatDuration(policy.GiveUp.Within))
			history.Healing = false
			return verdict, history
		}
	}
	if history.Healing {
		verdict.Healed, history = true, History{}
	}
	verdict.Delay = delay(policy, verdict.Failures, failure, chance)
	if early && verdict.Delay < shortestEarly {
		verdict.Delay = shortestEarly
	}
	return verdict, history
}

func failed(policy spec.Restart, end End) bool {
	return end.SpawnFailed || end.Lost || end.Unhealthy || end.Signaled || !slices.Contains(policy.SuccessExitCodes, end.Code)
}

// delay is resurrect_after, lengthened by the failures in the window. Only lengthened delays get jitter.
func delay(policy spec.Restart, failures int, failure bool, chance float64) time.Duration {
	base := policy.After
	if !failure || failures < 2 || policy.Backoff.Factor <= 1 || base <= 0 {
		return base
	}
	longest := max(policy.Backoff.Max, base)
	lengthened := float64(base) * math.Pow(policy.Backoff.Factor, float64(failures-1))
	if lengthened >= float64(longest) {
		lengthened = float64(longest)
	}
	// Jitter shortens: a delay is never longer than the operator's max.
	return max(base, time.Duration(lengthened*(1-policy.Backoff.Jitter*chance)))
}

// Window is how long a failure counts.
func Window(policy spec.Restart) time.Duration {
	if policy.GiveUp == nil {
		return defaultWindow
	}
	return policy.GiveUp.Within
}

// Delay is the delay of an earlier verdict under another policy, for a reload while its process waits.
func Delay(policy spec.Restart, earlier Verdict) time.Duration {
	if earlier.Shortage {
		return earlier.Delay
	}
	fresh := delay(policy, earlier.Failures, earlier.Failure, 0)
	if earlier.Early {
		fresh = max(fresh, shortestEarly)
	}
	return fresh
}
