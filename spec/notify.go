package spec

import "time"

// Sink is a place where news goes. Exactly one of Slack, Email, Webhook and URL is set.
type Sink struct {
	Name      string
	On        []Selector // any of them selects an event
	Roles     []string   // empty: of all
	Processes []string   // machine names; empty: of all
	Window    time.Duration
	Most      int // messages in a window, beyond which they are gathered into one
	Quiet     *QuietHours

	Slack   Secret // of an incoming webhook
	Email   *Email
	Webhook *Webhook
	URL     Secret // of shoutrrr
}

// Email is how mail is sent.
type Email struct {
	SMTP Secret // smtp://user:password@host:port or smtps://…
	From string
	To   []string
}

// Webhook is how events are posted.
type Webhook struct {
	URL     Secret
	Headers map[string]Secret
	Secret  Secret // of the signature, "" for none
}

// QuietHours are when only what is severe enough is told. What waits is told when they are over.
type QuietHours struct {
	From, To time.Duration // since midnight, in the configuration's time zone; To before From passes midnight
	Except   string        // the severity from which on everything is told
}

// Selector chooses events: by a pattern of names, by severity, or every crash.
type Selector struct {
	Pattern  string // "process.*"; "" where one of the others is set
	Severity string // this one and above
	Crash    bool   // every process.exited that is a failure
}

// Listener is a program that is kept alive and fed events.
type Listener struct {
	Name      string
	Up        Command
	On        []Selector
	Roles     []string
	Processes []string
	Protocol  string // "json" or "supervisor"
}

// Hook is a command that is run once for each event that is selected.
type Hook struct {
	On        []Selector
	Roles     []string
	Processes []string
	Run       Command
	Timeout   time.Duration
}

// Ends is when the quiet hours end that hold at a time, in the time's zone; the zero time where none do.
func (q QuietHours) Ends(at time.Time) time.Time {
	for _, days := range []int{-1, 0} { // they may have begun yesterday
		midnight := time.Date(at.Year(), at.Month(), at.Day()+days, 0, 0, 0, 0, at.Location())
		begin, end := onDay(midnight, q.From), onDay(midnight, q.To)
		if q.To <= q.From {
			end = onDay(midnight.AddDate(0, 0, 1), q.To)
		}
		if !at.Before(begin) && at.Before(end) {
			return end
		}
	}
	return time.Time{}
}

// onDay is a time of day by the clock on the wall, also on the days on which it is changed.
func onDay(midnight time.Time, clock time.Duration) time.Time {
	return time.Date(midnight.Year(), midnight.Month(), midnight.Day(), int(clock/time.Hour), int(clock%time.Hour/time.Minute), 0, 0, midnight.Location())
}
