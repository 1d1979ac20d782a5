package lifecycle

import "github.com/dcousineau/phorever/actors/event"

// row is one line of the table: in any of the states, on the input, when the condition holds.
type row struct {
	in     []event.State
	on     Input
	when   condition
	to     event.State // "" stays
	change change
	do     []Effect
}

// condition is a named predicate, so that the generated page can print it.
type condition struct {
	name string
	test func(Machine) bool
}

// change is a named adjustment of the fields beside the state.
type change struct {
	name string
	make func(*Machine)
}

var (
	always     = condition{}
	live       = condition{"a run is alive", func(m Machine) bool { return m.Live }}
	notLive    = condition{"no run is alive", func(m Machine) bool { return !m.Live }}
	up         = condition{"it has a pid", func(m Machine) bool { return m.Up }}
	notUp      = condition{"it has no pid yet", func(m Machine) bool { return !m.Up }}
	liveUp     = condition{"a run is alive and has a pid", func(m Machine) bool { return m.Live && m.Up }}
	waits      = condition{"no run is alive, and its role has no part in it", func(m Machine) bool { return !m.Live && !m.Held }}
	stale      = condition{"its configuration has changed since", func(m Machine) bool { return m.Live && m.Stale }}
	restarting = condition{"a restart is under way", func(m Machine) bool { return m.Restarting }}
	healing    = condition{"it is a healing try", func(m Machine) bool { return m.Healing }}
	ownEnd     = condition{"it ended by itself", func(m Machine) bool { return m.Next == NextVerdict }}
	thenStart  = condition{"a start was ordered", func(m Machine) bool { return m.Next == NextStart }}
	thenHeld   = condition{"its role restarts it", func(m Machine) bool { return m.Next == NextHeld }}
	thenFatal  = condition{"its role gave up", func(m Machine) bool { return m.Next == NextFatal }}
)

var (
	none        = change{}
	thenStopped = change{"then STOPPED", func(m *Machine) { m.Next = NextStopped; m.Restarting = false }}
	thenAgain   = change{"then start", func(m *Machine) { m.Next = NextStart }}
	thenRestart = change{"then start", func(m *Machine) { m.Next = NextStart; m.Restarting = true }}
	thenVerdict = change{"then the policy", func(m *Machine) { m.Next = NextVerdict }}
	thenHold    = change{"then wait for the role", func(m *Machine) { m.Next = NextHeld }}
	thenDoom    = change{"then FATAL", func(m *Machine) { m.Next = NextFatal }}
	byRestart   = change{"by a restart", func(m *Machine) { m.Restarting = true }}
	outOfDate   = change{"out of date", func(m *Machine) { m.Stale = true }}
	heal        = change{"as a healing try", func(m *Machine) { m.Healing = true }}
	healed      = change{"healed", func(m *Machine) { m.Healing = false }}
	hold        = change{"held by its role", func(m *Machine) { m.Held = true }}
)

var (
	down    = []event.State{event.Stopped, event.Exited, event.Fatal}
	working = []event.State{event.Starting, event.Running}
	alive   = []event.State{event.Starting, event.Running, event.Backoff} // BACKOFF: its start was stuck, and failed late
)

func in(states ...event.State) []event.State { return states }

// table is read from the top: the first row that fits is the answer.
var table = []row{
	// Orders to run.
	{down, EnsureOrdered, always, event.Starting, none, []Effect{Disarm, ForgetFailures, StartRun}},
	{down, StartOrdered, always, event.Starting, none, []Effect{Disarm, ForgetFailures, StartRun}},
	{down, ResetOrdered, always, event.Starting, none, []Effect{Disarm, ForgetFailures, StartRun}},
	{down, RestartOrdered, always, event.Starting, byRestart, []Effect{Disarm, ForgetFailures, StartRun}},
	{in(event.Backoff), StartOrdered, notLive, event.Starting, none, []Effect{Disarm, StartRun}},
	{in(event.Backoff), ResetOrdered, notLive, event.Starting, none, []Effect{Disarm, ForgetFailures, StartRun}},
	{in(event.Backoff), RestartOrdered, notLive, event.Starting, byRestart, []Effect{Disarm, ForgetFailures, StartRun}},
	{in(event.Stopping), EnsureOrdered, always, "", thenAgain, nil},
	{in(event.Stopping), StartOrdered, always, "", thenAgain, nil},
	{in(event.Stopping), ResetOrdered, always, "", thenAgain, []Effect{ForgetFailures}},
	{in(event.Stopping), RestartOrdered, always, "", thenRestart, nil},
	{in(event.Stopping), ReplaceOrdered, ownEnd, "", none, nil},
	{in(event.Paused), StartOrdered, stale, event.Stopping, thenRestart, []Effect{TellResumed, StopRun, ContinueRun, AwaitStop}},
	{in(event.Paused), StartOrdered, liveUp, event.Running, none, []Effect{ContinueRun, TellResumed}},
	{in(event.Paused), StartOrdered, live, event.Starting, none, []Effect{TellResumed}},
	{in(event.Paused), StartOrdered, notLive, event.Starting, none, []Effect{TellResumed, StartRun}},
	{in(event.Running), ResetOrdered, always, "", healed, []Effect{ForgetFailures}},
	{in(event.Starting), ResetOrdered, always, "", healed, []Effect{ForgetFailures}},

	// Orders to end what runs.
	{working, StopOrdered, always, event.Stopping, thenStopped, []Effect{Disarm, StopRun, AwaitStop}},
	{in(event.Backoff), StopOrdered, live, event.Stopping, thenStopped, []Effect{Disarm, StopRun, AwaitStop}},
	{in(event.Backoff), StopOrdered, notLive, event.Stopped, none, []Effect{Disarm, AbandonRun, TellStopped}},
	{in(event.Fatal, event.Exited), StopOrdered, always, event.Stopped, none, []Effect{Disarm, ForgetFailures}},
	{in(event.Paused), StopOrdered, live, event.Stopping, thenStopped, []Effect{StopRun, ContinueRun, AwaitStop}},
	{in(event.Paused), StopOrdered, notLive, event.Stopped, none, []Effect{AbandonRun, TellStopped}},
	{in(event.Stopping), StopOrdered, ownEnd, "", thenStopped, []Effect{AwaitStop}},
	{in(event.Stopping), StopOrdered, always, "", thenStopped, nil},
	{in(event.Stopping), HurryOrdered, always, "", none, []Effect{KillRun, AwaitStop}},

	// Restarts of what runs. Those that overlap are one.
	{in(event.Starting), RestartOrdered, restarting, "", none, nil},
	{working, RestartOrdered, always, event.Stopping, thenRestart, []Effect{Disarm, StopRun, AwaitStop}},
	{in(event.Paused), RestartOrdered, live, event.Stopping, thenRestart, []Effect{StopRun, ContinueRun, AwaitStop}},
	{in(event.Paused), RestartOrdered, notLive, event.Starting, byRestart, []Effect{StartRun}},
	{working, ReplaceOrdered, always, event.Stopping, thenRestart, []Effect{Disarm, StopRun, AwaitStop}},
	{in(event.Paused), ReplaceOrdered, live, "", outOfDate, nil},
	{in(event.Backoff), ReplaceOrdered, live, event.Stopping, thenRestart, []Effect{Disarm, StopRun, AwaitStop}},
	{in(event.Backoff), RestartOrdered, live, event.Stopping, thenRestart, []Effect{Disarm, StopRun, AwaitStop}},
	{in(event.Backoff), ReplaceOrdered, waits, event.Starting, byRestart, []Effect{Disarm, ForgetFailures, StartRun}},
	{in(event.Exited, event.Fatal), ReplaceOrdered, always, event.Starting, byRestart, []Effect{Disarm, ForgetFailures, StartRun}},

	// The role: a sibling failed, or there is no hope for any of them.
	{working, HoldOrdered, always, event.Stopping, thenHold, []Effect{Disarm, StopRun, AwaitStop}},
	{in(event.Backoff), HoldOrdered, notLive, "", hold, []Effect{Disarm, TellHeld}},
	{in(event.Backoff), HoldOrdered, live, event.Stopping, thenHold, []Effect{Disarm, StopRun, AwaitStop}},
	{in(event.Stopping), HoldOrdered, ownEnd, "", thenHold, []Effect{AwaitStop}},
	{working, CondemnOrdered, always, event.Stopping, thenDoom, []Effect{Disarm, StopRun, AwaitStop}},
	{in(event.Paused), CondemnOrdered, live, event.Stopping, thenDoom, []Effect{StopRun, ContinueRun, AwaitStop}},
	{in(event.Paused), CondemnOrdered, notLive, event.Fatal, none, []Effect{AbandonRun, TellGaveUp}},
	{in(event.Backoff), CondemnOrdered, notLive, event.Fatal, none, []Effect{Disarm, AbandonRun, TellGaveUp}},
	{in(event.Backoff), CondemnOrdered, live, event.Stopping, thenDoom, []Effect{Disarm, StopRun, AwaitStop}},
	{in(event.Stopping), CondemnOrdered, ownEnd, "", thenDoom, []Effect{AwaitStop}},
	{in(event.Stopping), CondemnOrdered, thenStart, "", thenDoom, nil},
	{in(event.Stopping), CondemnOrdered, thenHeld, "", thenDoom, nil},

	// Standing still.
	{working, PauseOrdered, up, event.Paused, none, []Effect{Disarm, PauseRun, TellPaused}},
	{working, PauseOrdered, notUp, event.Paused, none, []Effect{Disarm, TellPaused}},
	{in(event.Backoff), PauseOrdered, notLive, event.Paused, none, []Effect{Disarm, AbandonRun, TellPaused}},
	{in(event.Backoff), PauseOrdered, live, event.Paused, none, []Effect{Disarm, TellPaused}},
	{in(event.Paused), ResumeOrdered, stale, event.Stopping, thenRestart, []Effect{TellResumed, StopRun, ContinueRun, AwaitStop}},
	{in(event.Paused), ResumeOrdered, liveUp, event.Running, none, []Effect{ContinueRun, TellResumed}},
	{in(event.Paused), ResumeOrdered, live, event.Starting, none, []Effect{TellResumed}},
	{in(event.Paused), ResumeOrdered, notLive, event.Starting, none, []Effect{TellResumed, StartRun}},

	// What is seen of a run.
	{in(event.Starting), RunSpawned, always, "", none, []Effect{TellStarted, AwaitStable}},
	{in(event.Backoff), RunSpawned, always, event.Starting, none, []Effect{TellStarted, AwaitStable}},
	{in(event.Paused), RunSpawned, always, "", none, []Effect{TellStarted, PauseRun}},
	{in(event.Stopping), RunSpawned, always, "", none, []Effect{TellStarted, StopRun, AwaitStop}},
	{in(event.Starting), RunStuck, always, event.Backoff, none, nil},
	{working, MainGone, always, event.Stopping, thenVerdict, []Effect{Disarm}},
	{in(event.Running), FoundUnhealthy, always, event.Stopping, thenVerdict, []Effect{Disarm, StopRun, AwaitStop}},

	{alive, RunEndedAgain, always, event.Starting, none, []Effect{Disarm, TellExited, StartRun}},
	{alive, RunEndedLater, always, event.Backoff, none, []Effect{Disarm, TellExited, AwaitStart}},
	{alive, RunEndedHeld, always, event.Backoff, hold, []Effect{Disarm, TellExited, TellHeld}},
	{alive, RunEndedFinish, always, event.Exited, none, []Effect{Disarm, TellExited, AbandonRun}},
	{alive, RunEndedGiveUp, always, event.Fatal, none, []Effect{Disarm, TellExited, TellGaveUp, AbandonRun, AwaitRetry}},
	{in(event.Stopping), RunEndedAgain, ownEnd, event.Starting, none, []Effect{Disarm, TellExited, StartRun}},
	{in(event.Stopping), RunEndedLater, ownEnd, event.Backoff, none, []Effect{Disarm, TellExited, AwaitStart}},
	{in(event.Stopping), RunEndedHeld, ownEnd, event.Backoff, hold, []Effect{Disarm, TellExited, TellHeld}},
	{in(event.Stopping), RunEndedFinish, ownEnd, event.Exited, none, []Effect{Disarm, TellExited, AbandonRun}},
	{in(event.Stopping), RunEndedGiveUp, ownEnd, event.Fatal, none, []Effect{Disarm, TellExited, TellGaveUp, AbandonRun, AwaitRetry}},

	{in(event.Stopping), RunGone, thenStart, event.Starting, none, []Effect{Disarm, TellStopped, StartRun}},
	{in(event.Stopping), RunGone, thenHeld, event.Backoff, hold, []Effect{Disarm, AbandonRun, TellStopped, TellHeld}},
	{in(event.Stopping), RunGone, thenFatal, event.Fatal, none, []Effect{Disarm, AbandonRun, TellStopped, TellGaveUp}},
	{in(event.Stopping), RunGone, always, event.Stopped, none, []Effect{Disarm, AbandonRun, ForgetFailures, TellStopped}},
	{in(event.Paused), RunGone, always, "", none, []Effect{TellExited, AbandonRun}},

	// The one deadline of a state.
	{in(event.Starting), DeadlinePassed, healing, event.Running, none, []Effect{TellReady, AwaitRecovery}},
	{in(event.Starting), DeadlinePassed, always, event.Running, none, []Effect{TellReady}},
	{in(event.Running), DeadlinePassed, healing, "", healed, []Effect{ForgetFailures, TellRecovered}},
	{in(event.Backoff), DeadlinePassed, notLive, event.Starting, none, []Effect{StartRun}},
	{in(event.Stopping), DeadlinePassed, always, "", none, []Effect{PressRun, AwaitStop}},
	{in(event.Fatal), DeadlinePassed, always, event.Starting, heal, []Effect{StartRun}},
}
