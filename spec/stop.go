package spec

import "time"

// Forever is a stop timeout that never ends in KILL.
const Forever time.Duration = 1<<63 - 1

// Stop says how a process is asked to end. Signals are sent one after another, each with the whole timeout; then KILL.
type Stop struct {
	Signals []Signal
	Timeout time.Duration
	Scope   StopScope
}

// StopScope is who gets the polite signal. KILL always takes everything that is left.
type StopScope string

// The scopes of the polite signal.
const (
	ScopeMain  StopScope = "main"
	ScopeGroup StopScope = "group"
	ScopeTree  StopScope = "tree"
)
