package lifecycle

// String is the input in words, as the generated page of states prints it.
func (i Input) String() string { return inputNames[i] }

var inputNames = [inputs]string{
	EnsureOrdered: "run (by role)", StartOrdered: "start", StopOrdered: "stop", RestartOrdered: "restart",
	ReplaceOrdered: "restart by reload", ResetOrdered: "reset", PauseOrdered: "pause", ResumeOrdered: "resume",
	HurryOrdered: "second stop signal", HoldOrdered: "a sibling failed", CondemnOrdered: "its role gave up",
	RunSpawned: "the run has a pid", RunStuck: "the start hangs", MainGone: "the main process ended, others of it live", FoundUnhealthy: "it is found unhealthy",
	RunEndedAgain: "ended: start at once", RunEndedLater: "ended: start later", RunEndedHeld: "ended: the role starts it",
	RunEndedFinish: "ended: done", RunEndedGiveUp: "ended: hopeless", RunGone: "the ordered end came", DeadlinePassed: "the deadline passed",
}

// String is the effect in words, as the generated page of states prints it.
func (e Effect) String() string { return effectNames[e] }

var effectNames = [effects]string{
	StartRun: "start a run", StopRun: "send the first stop signal", PressRun: "send the next stop signal, KILL after the last",
	KillRun: "KILL", PauseRun: "send the pause signal", ContinueRun: "CONT", AbandonRun: "forget the run",
	AwaitStable: "wait stable_after", AwaitRecovery: "wait out the healing minute", AwaitStop: "wait the stop timeout",
	AwaitStart: "wait the delay", AwaitRetry: "wait retry_every", Disarm: "end the wait", ForgetFailures: "clear the failures",
	TellStarted: "tell started", TellReady: "tell ready", TellExited: "tell exited", TellStopped: "tell stopped",
	TellGaveUp: "tell gave up", TellRecovered: "tell recovered", TellPaused: "tell paused", TellResumed: "tell resumed",
	TellHeld: "tell the role",
}
