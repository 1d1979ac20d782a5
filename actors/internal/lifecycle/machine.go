package lifecycle

import "github.com/dcousineau/phorever/actors/event"

// Machine is the state of one clone. The zero value is not valid; begin with New.
type Machine struct {
	State event.State
	Run   int  // number of the latest run, 0 before the first
	Live  bool `json:",omitempty"` // a run was started and its end is not known yet
	Up    bool `json:",omitempty"` // the live run has a pid
	Next  Next `json:",omitempty"` // what follows the end of the run that STOPPING waits for

	Restarting bool `json:",omitempty"` // the run that is starting was ordered by a restart that has not settled yet
	Healing    bool `json:",omitempty"` // the run that goes on is a try after giving up
	Held       bool `json:",omitempty"` // BACKOFF without a deadline: its role decides when it starts again
	Stale      bool `json:",omitempty"` // PAUSED, and its run has another configuration than the next one would have
}

// Next is what follows the end of a run in STOPPING.
type Next int

// What follows STOPPING.
const (
	NextStopped Next = iota // the user's wish
	NextStart               // a restart
	NextVerdict             // the main process ended by itself, its leftovers are being ended: the policy decides
	NextHeld                // a sibling failed: the role starts it again
	NextFatal               // its role gave up
)

// New is a clone that never ran.
func New() Machine { return Machine{State: event.Stopped} }

// Input is something that happens to a clone.
type Input int

// The inputs: first what is ordered, then what is seen.
const (
	EnsureOrdered  Input = iota // run, but leave a waiting BACKOFF alone
	StartOrdered                // run now
	StopOrdered                 // do not run
	RestartOrdered              // end what runs, then run
	ReplaceOrdered              // as a restart, but what is starting now is already out of date
	ResetOrdered                // forget failures and run
	PauseOrdered                // stand still
	ResumeOrdered               // go on
	HurryOrdered                // skip what is left of the stop timeout
	HoldOrdered                 // end what runs, a sibling failed; the role starts it again
	CondemnOrdered              // the role gave up
	RunSpawned                  // the run has a pid
	RunStuck                    // the start of the run does not return
	MainGone                    // the main process ended by itself, something it started lives on
	FoundUnhealthy              // the run lives, and is of no use: it is ended, and the policy decides
	RunEndedAgain               // the run is over, the policy: start now
	RunEndedLater               // the run is over, the policy: start after a delay
	RunEndedHeld                // the run is over, the policy: start, and the role says when
	RunEndedFinish              // the run is over, the policy: done
	RunEndedGiveUp              // the run is over, the policy: hopeless
	RunGone                     // the run that STOPPING waited for is over
	DeadlinePassed              // the one deadline of the state
	inputs
)

// Effect is something to be carried out, in the order given.
type Effect int

// The effects.
const (
	StartRun       Effect = iota // number Machine.Run
	StopRun                      // the first polite signal
	PressRun                     // the next polite signal, or KILL after the last; not again after KILL
	KillRun                      // at once
	PauseRun                     // the pause signal
	ContinueRun                  // SIGCONT
	AbandonRun                   // the ended run will not be repeated
	AwaitStable                  // deadline: stable_after
	AwaitRecovery                // deadline: the rest of the healing minute
	AwaitStop                    // deadline: the stop timeout
	AwaitStart                   // deadline: the verdict's delay
	AwaitRetry                   // deadline: the verdict's healing delay, if there is one
	Disarm                       // no deadline
	ForgetFailures               // clear the history
	TellStarted
	TellReady
	TellExited // an end that nobody ordered, and what follows
	TellStopped
	TellGaveUp
	TellRecovered
	TellPaused
	TellResumed
	TellHeld // to the role: it waits for the role's start
	effects
)
