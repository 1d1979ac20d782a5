package notifier

import (
	"slices"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// Silence is a time in which nothing is told of what it is about. What has happened meanwhile is told when it is over.
type Silence struct {
	Target  string       `json:"target"` // as it was ordered
	Until   time.Time    `json:"until"`
	All     bool         `json:"all,omitempty"`
	Role    string       `json:"role,omitempty"`
	Process string       `json:"process,omitempty"` // a machine name: all of its clones
	Clone   spec.CloneID `json:"clone,omitempty"`
}

// covers tells whether an event is what the silence is about.
func (s Silence) covers(r event.Record) bool {
	process, _ := r.Process.Split()
	return s.All || s.Role != "" && s.Role == r.Role || s.Process != "" && s.Process == process || s.Clone != "" && s.Clone == r.Process
}

// Silence begins one, in place of an earlier one with the same target; one that has ended by now ends that.
func (o *Office) Silence(silence Silence) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	o.silences = slices.DeleteFunc(slices.Clone(o.silences), func(s Silence) bool { return s.Target == silence.Target || !s.Until.After(now) })
	if silence.Until.After(now) {
		o.silences = append(o.silences, silence)
	}
	o.options.Silenced(o.silences)
}

// Silences are those that hold now.
func (o *Office) Silences() []Silence {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	return slices.DeleteFunc(slices.Clone(o.silences), func(s Silence) bool { return !s.Until.After(now) })
}

// silencedUntil is until when nothing is told of an event, the zero time for at once.
func (o *Office) silencedUntil(r event.Record) (until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.silences {
		if s.Until.After(time.Now()) && s.covers(r) {
			until = later(until, s.Until)
		}
	}
	return until
}
