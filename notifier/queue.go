package notifier

import (
	"sync"

	"github.com/dcousineau/phorever/actors/event"
)

// Queue hands records to one sink on a goroutine of its own, which exists only while there is something to deliver.
// Its methods are safe for concurrent use.
type Queue struct {
	sink Sink
	most int

	mu      sync.Mutex
	idle    *sync.Cond
	waiting []event.Record
	missed  int
	working bool
	closed  bool
}

// NewQueue makes a queue of at most most records before a sink.
func NewQueue(sink Sink, most int) *Queue {
	q := &Queue{sink: sink, most: most}
	q.idle = sync.NewCond(&q.mu)
	return q
}

// Offer queues a record; when the queue is full the oldest one is lost. After Close it does nothing.
func (q *Queue) Offer(record event.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if len(q.waiting) >= q.most {
		q.waiting[0] = event.Record{}
		q.waiting = q.waiting[1:]
		q.missed++
	}
	q.waiting = append(q.waiting, record)
	if !q.working {
		q.working = true
		go q.work()
	}
}

// Close takes no more records and returns when the ones that wait are delivered.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for q.working {
		q.idle.Wait()
	}
}

// Drop takes no more records and forgets the ones that wait. The sink may be in its last Deliver when it returns.
func (q *Queue) Drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.waiting = true, nil
}

func (q *Queue) work() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) > 0 {
		record, missed := q.waiting[0], q.missed
		q.waiting[0] = event.Record{}
		q.waiting, q.missed = q.waiting[1:], 0
		q.mu.Unlock()
		q.sink.Deliver(record, missed)
		q.mu.Lock()
	}
	q.waiting, q.working = nil, false
	q.idle.Broadcast()
}
