package notifier

import (
	"fmt"
	"sync"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/outbox"
	"github.com/dcousineau/phorever/spec"
)

// mostHeard is how many events may wait for one sink before the oldest are lost. A desk takes thousands in a second.
const mostHeard = 16384

// desk is where the events of one sink become messages. It has a goroutine only while there is something to do.
type desk struct {
	sink    spec.Sink
	courier *outbox.Courier
	outbox  *outbox.Outbox
	trouble func(error)

	mu      sync.Mutex
	idle    *sync.Cond
	group   *Group // the worker's own while working
	waiting []event.Record
	missed  int
	working bool
	due     bool // the group wants to be asked
	closed  bool
	timer   *time.Timer
	counted time.Time // when something was counted that is not in the outbox yet; the worker's own while working
}

// countedWithin is how long what is only counted may wait to be written down. A restart that follows an end is not in its way then, and a
// flood is one write. That much of a count is lost with the daemon.
const countedWithin = 50 * time.Millisecond

func newDesk(sink spec.Sink, group *Group, courier *outbox.Courier, outbox *outbox.Outbox, trouble func(error)) *desk {
	d := &desk{sink: sink, courier: courier, outbox: outbox, group: group, trouble: trouble}
	d.idle = sync.NewCond(&d.mu)
	group.Restore(outbox.Incidents(sink.Name))
	d.mu.Lock()
	d.arm()
	d.mu.Unlock()
	courier.Wake() // for what an earlier one has left
	return d
}

// hear takes an event. It never blocks.
func (d *desk) hear(r event.Record) {
	if r.Sink == d.sink.Name {
		return // what is wrong with a sink is no news on it
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	if len(d.waiting) >= mostHeard {
		d.waiting[0] = event.Record{}
		d.waiting = d.waiting[1:]
		d.missed++
	}
	d.waiting = append(d.waiting, r)
	d.start()
}

// start has the worker look. The caller holds the lock.
func (d *desk) start() {
	if !d.working {
		d.working = true
		go d.work()
	}
}

func (d *desk) work() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.waiting) > 0 || d.due {
		records, missed := d.waiting, d.missed
		d.waiting, d.missed, d.due = nil, 0, false
		d.mu.Unlock()
		if missed > 0 {
			d.trouble(fmt.Errorf("%s: %d events came too fast to be told", d.sink.Name, missed))
		}
		d.carryOut(records)
		d.mu.Lock()
	}
	d.working = false
	d.arm()
	d.idle.Broadcast()
}

// carryOut makes messages of events, and of the time that has passed, and puts them into the outbox with what is to be remembered.
func (d *desk) carryOut(records []event.Record) {
	now := time.Now()
	var batch outbox.Batch
	for _, r := range records {
		batch.Messages = append(batch.Messages, d.group.Add(now, r)...)
	}
	batch.Messages = append(batch.Messages, d.group.Tick(now)...)
	if len(batch.Messages) == 0 && d.defers(now) {
		return
	}
	d.counted = time.Time{}
	batch.Incidents = d.group.Changed()
	if len(batch.Messages) == 0 && len(batch.Incidents) == 0 {
		return
	}
	if err := d.outbox.Commit(d.sink.Name, now, batch); err != nil {
		d.trouble(err) // it is in memory, and goes out all the same
	}
	if len(batch.Messages) > 0 {
		d.courier.Wake()
	}
}

// defers says whether what was counted is written down later.
func (d *desk) defers(now time.Time) bool {
	if d.counted.IsZero() && d.group.HasChanged() {
		d.counted = now
	}
	return now.Sub(d.counted) < countedWithin
}

// arm sets the timer for what the group wants, or for what was counted. The caller holds the lock, and there is no worker.
func (d *desk) arm() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	next := d.group.Next()
	if write := d.counted.Add(countedWithin); !d.counted.IsZero() && (next.IsZero() || write.Before(next)) {
		next = write
	}
	if next.IsZero() || d.closed {
		return
	}
	d.timer = time.AfterFunc(max(time.Until(next), time.Millisecond), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !d.closed {
			d.due = true
			d.start()
		}
	})
}

// close takes no more events and returns when those that were heard are in the outbox.
func (d *desk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for d.working {
		d.idle.Wait()
	}
	if !d.counted.IsZero() {
		d.counted = time.Now().Add(-countedWithin)
		d.mu.Unlock() // no worker begins any more
		d.carryOut(nil)
		d.mu.Lock()
	}
	d.arm()
}
