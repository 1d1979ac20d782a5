package actors

import (
	"sync"

	"github.com/dcousineau/phorever/actors/event"
)

// backlog is the events that wait for one hook, or one listener, whichever incarnation. When it is full the oldest gives way. Its
// methods are safe for concurrent use.
type backlog struct {
	most int

	mu      sync.Mutex
	waiting []event.Record
	dropped int
	more    chan struct{} // holds one; for whoever waits for an event
}

func newBacklog(most int) *backlog { return &backlog{most: most, more: make(chan struct{}, 1)} }

func (q *backlog) put(r event.Record) {
	q.mu.Lock()
	if len(q.waiting) >= q.most {
		q.waiting = q.waiting[1:]
		q.dropped++
	}
	q.waiting = append(q.waiting, r)
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// first is the oldest, which stays until it is done.
func (q *backlog) first() (r event.Record, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return r, false
	}
	return q.waiting[0], true
}

// done removes an event, if it was not lost meanwhile.
func (q *backlog) done(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 && q.waiting[0].ID == id {
		q.waiting = q.waiting[1:]
	}
}

// forget drops what waits, which nobody misses.
func (q *backlog) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = nil
}

func (q *backlog) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) == 0
}

// lost is how many were dropped since the last call.
func (q *backlog) lost() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.dropped
	q.dropped = 0
	return n
}
