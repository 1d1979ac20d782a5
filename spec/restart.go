package spec

import "time"

// Resurrect says which ends of a process are followed by another start.
type Resurrect string

// The resurrection policies.
const (
	ResurrectAlways    Resurrect = "always"
	ResurrectOnFailure Resurrect = "on-failure"
	ResurrectNever     Resurrect = "never"
)

// Restart is the whole policy of one process after an end that nobody ordered.
type Restart struct {
	Resurrect        Resurrect
	After            time.Duration // resurrect_after
	Backoff          Backoff
	StableAfter      time.Duration
	SuccessExitCodes []int
	GiveUp           *GiveUp // nil never gives up
}

// Backoff lengthens the delay: After × Factor^(n−1), n the failures in the window, at most Max or After, whichever is longer.
type Backoff struct {
	Factor float64
	Max    time.Duration
	Jitter float64 // share of a lengthened delay, 0 to 1, that is random; exact delays stay exact
}

// GiveUp allows After restarts within the window: failure After+1 is FATAL.
type GiveUp struct {
	After      int
	Within     time.Duration
	RetryEvery time.Duration // 0: no healing
	ExitCodes  []int         // FATAL at once, never healed
}
