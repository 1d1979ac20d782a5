package actors

import (
	"sync"

	"github.com/oklog/ulid/v2"

	"github.com/dcousineau/phorever/actors/event"
)

// mostTails is how many facts may wait for the last lines of their logs; in a storm those after them have none, but for give-ups.
const mostTails = 100

// announcer publishes facts in the order in which each clone has announced them. Some have to be completed by what is on a disk:
// while one is, those after it wait, and nobody who announces does.
type announcer struct {
	mu      sync.Mutex
	waiting []func()
	working bool
}

// do carries something out behind everything that was announced before: at once, on the caller's goroutine, if that is nothing
// and it is not slow.
func (a *announcer) do(slow bool, act func()) {
	a.mu.Lock()
	if !slow && !a.working {
		a.mu.Unlock()
		act()
		return
	}
	a.waiting = append(a.waiting, act)
	if !a.working {
		a.working = true
		go a.work()
	}
	a.mu.Unlock()
}

func (a *announcer) work() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.waiting) > 0 {
		act := a.waiting[0]
		a.waiting[0] = nil
		a.waiting = a.waiting[1:]
		a.mu.Unlock()
		act()
		a.mu.Lock()
	}
	a.waiting, a.working = nil, false
}

// busy says whether so many wait that less matters.
func (a *announcer) busy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting) >= mostTails
}

// announce publishes a fact, stamped with its id and time, to the read-model and the sinks. Announcements of one
// goroutine arrive in order.
func (h *house) announce(fact event.Fact) { h.announceWith(fact, nil) }

// announceWith is announce for a fact that is completed by the last lines of its log. tail is called by another goroutine; nil is
// none.
func (h *house) announceWith(fact event.Fact, tail func() []string) {
	subject := fact.Subject()
	record := event.Record{
		V: 1, ID: ulid.Make().String(), Time: h.now(), Event: fact.Name(), Severity: fact.Severity(),
		Process: subject.Process, Role: subject.Role, Run: subject.Run, Pid: subject.Pid, Exit: subject.Exit,
		Message: fact.String(), Next: subject.Next, Sink: subject.Sink, Over: subject.Over,
	}
	h.facts.do(tail != nil, func() {
		if tail != nil {
			record.LogTail = tail()
		}
		record.Meaning = record.Exit.Meaning(record.LogTail)
		h.system.EventStream.Publish(record)
	})
}
