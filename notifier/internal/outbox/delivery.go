package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

const (
	sendTimeout  = 15 * time.Second // of one try
	sendGrace    = 5 * time.Second  // after that, for a channel to notice
	mostStuck    = 2                // tries that did not notice, of one sink
	patience     = 24 * time.Hour   // with one message
	briskFor     = time.Minute      // after something new has come
	briskWait    = 10 * time.Second // between two tries, at most, while brisk
	shortestWait = time.Second      // when a service wants to be left alone
	longestWait  = time.Hour
)

// waits are the times between two tries of a message, by how many were in vain; the last one is for all others. The first
// minute ends among those of 10 seconds, however the jitter falls.
var waits = []time.Duration{
	1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second,
	briskWait, briskWait, briskWait, briskWait, briskWait, briskWait,
	20 * time.Second, 40 * time.Second, time.Minute,
}

var (
	errStuck    = errors.New("the tries before this one hang")
	errNoAnswer = fmt.Errorf("no answer after %s", sendTimeout+sendGrace)
	errGone     = errors.New("the channel ended without an answer")
)

// Hooks are what a courier tells, and what tests put in the place of the clock. Each may be nil. They are called on the
// courier's goroutine, one after another: they may call Wake and the outbox, but neither wait for the courier nor close it.
type Hooks struct {
	// Failing is told when a sink begins to fail, once until it works again, and for each message that failed for good.
	Failing func(sink string, m news.Message, err error, final bool)
	// Works is told when a sink that failed has taken a message.
	Works func(sink string, m news.Message)
	// Trouble is told what the outbox could not write. The message is settled in its memory.
	Trouble func(err error)

	Now    func() time.Time
	After  func(time.Duration) <-chan time.Time
	Jitter func() float64 // between -1 and 1
}

// Courier takes the messages of one sink out of the outbox, in their order, and sends them by a channel.
//
// Guarantees: it has a goroutine only while something waits. A try ends after 20 seconds, whatever the channel does; no
// more than two hang at a time. A message is tried for a day: after 1, 2, 4, 8 and then every 10 seconds in its first
// minute, later every minute: one that is back shall have the news soon. A service that wants to be left alone is, but never
// longer than an hour. What is new is tried within 10 seconds, also when what is in front of it has failed for long. A message that a service refuses
// does not block those behind it. A panic of a channel is an error.
//
// Non-guarantees: a message whose try has hung, or that was being sent when the process ended, may arrive twice, with the
// same id.
//
// The methods are safe for concurrent use. A sink has one courier at a time: the next one is made when this one is closed.
type Courier struct {
	sink    string
	channel news.Channel
	outbox  *Outbox
	hooks   Hooks

	wake chan struct{} // holds one
	stop chan struct{} // closed: no more tries
	cut  chan struct{} // closed: not even the one in hand

	mu      sync.Mutex
	done    chan struct{} // closed when the goroutine ends; nil while there is none
	closed  bool
	wasCut  bool
	stuck   int       // sends that were given up and go on
	since   time.Time // of the outage, zero while there is none
	last    string    // error
	nextTry time.Time // zero while none is due
}

// State is how the delivery to a sink goes.
type State struct {
	Pending   int       `json:"pending"`
	Failed    int       `json:"failed"` // for good
	LastError string    `json:"last_error,omitempty"`
	Since     time.Time `json:"since,omitzero"`    // when it began to fail; zero while it works
	NextTry   time.Time `json:"next_try,omitzero"` // when it waits for one
}

// NewCourier makes a courier; Wake starts it. An outage in which the process ended goes on.
func NewCourier(sink string, channel news.Channel, outbox *Outbox, hooks Hooks) *Courier {
	c := &Courier{
		sink: sink, channel: channel, outbox: outbox, hooks: hooks.complete(),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), cut: make(chan struct{}),
	}
	if e, ok := outbox.Next(sink); ok && e.Attempts > 0 {
		c.since, c.last = e.FirstTry, e.LastError
	}
	return c
}

func (h Hooks) complete() Hooks {
	if h.Failing == nil {
		h.Failing = func(string, news.Message, error, bool) {}
	}
	if h.Works == nil {
		h.Works = func(string, news.Message) {}
	}
	if h.Trouble == nil {
		h.Trouble = func(error) {}
	}
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.After == nil {
		h.After = time.After
	}
	if h.Jitter == nil {
		h.Jitter = func() float64 { return 2*rand.Float64() - 1 }
	}
	return h
}

// Wake says that the outbox may have something new for the sink. It never blocks.
func (c *Courier) Wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
	case c.done == nil:
		c.done = make(chan struct{})
		go c.work()
	default:
		select {
		case c.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// Close ends the courier. The message in hand may still arrive until ctx ends; then it stays in the outbox.
func (c *Courier) Close(ctx context.Context) {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.stop)
	}
	done := c.done
	c.mu.Unlock()
	if done == nil {
		return
	}
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	c.mu.Lock()
	if !c.wasCut {
		c.wasCut = true
		close(c.cut)
	}
	c.mu.Unlock()
	<-done
}

// State is how the delivery goes.
func (c *Courier) State() State {
	w := c.outbox.Waiting(c.sink)
	c.mu.Lock()
	defer c.mu.Unlock()
	return State{Pending: w.Pending, Failed: w.Failed, LastError: c.last, Since: c.since, NextTry: c.nextTry}
}

// work delivers until nothing waits.
func (c *Courier) work() {
	for c.goesOn() {
		e, ok := c.outbox.Next(c.sink)
		if !ok {
			if c.rest() {
				return
			}
			continue
		}
		if now := c.hooks.Now(); c.due(e, now).After(now) {
			c.wait(now, c.due(e, now))
			continue
		}
		if e, ok = c.outbox.Take(c.sink, e.Seq); ok {
			c.deliver(e)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.done)
	c.done = nil
}

func (c *Courier) goesOn() bool {
	select {
	case <-c.stop:
		return false
	default:
		return true
	}
}

// rest ends the goroutine, unless somebody has just said that there is something.
func (c *Courier) rest() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.wake:
		return false
	default:
	}
	close(c.done)
	c.done = nil
	return true
}

// due is when an entry is to be tried.
func (c *Courier) due(e Entry, now time.Time) time.Time {
	if e.LastTry.After(now) { // the clock was set back while we were away
		return now
	}
	fresh := now.Sub(c.outbox.Waiting(c.sink).Newest) < briskFor
	if soon := e.LastTry.Add(briskWait); fresh && !e.Bound && soon.Before(e.NextTry) {
		return soon
	}
	return e.NextTry
}

// wait returns when a time has come, or when something has happened that may change it.
func (c *Courier) wait(now, until time.Time) {
	c.setNextTry(until)
	select {
	case <-c.hooks.After(until.Sub(now)):
	case <-c.wake:
	case <-c.stop:
	}
	c.setNextTry(time.Time{})
}

func (c *Courier) setNextTry(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextTry = t
}

// deliver tries an entry once and settles it.
func (c *Courier) deliver(e Entry) {
	cut, err := c.try(e.Message)
	if cut {
		c.outbox.Back(c.sink, e.Seq)
		return
	}
	now := c.hooks.Now()
	if err == nil {
		c.settled(c.outbox.Delivered(c.sink, e.Seq))
		if c.outage(nil, now) {
			c.hooks.Works(c.sink, e.Message)
		}
		return
	}
	next, final := retry(e, err, now, c.hooks.Jitter())
	if final {
		c.settled(c.outbox.Failed(c.sink, e.Seq, now, err))
	} else {
		c.settled(c.outbox.Tried(c.sink, e.Seq, now, err, next))
	}
	if begins := c.outage(err, now); begins || final {
		c.hooks.Failing(c.sink, e.Message, err, final)
	}
}

func (c *Courier) settled(err error) {
	if err != nil {
		c.hooks.Trouble(err)
	}
}

// outage notes how the last try went and tells whether that has changed.
func (c *Courier) outage(err error, now time.Time) (changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := !c.since.IsZero()
	if err == nil {
		c.since, c.last = time.Time{}, ""
		return was
	}
	if c.last = err.Error(); !was {
		c.since = now
	}
	return !was
}

// retry is what happens after a try in vain: the time of the next one, or none. jitter is between -1 and 1.
func retry(e Entry, err error, now time.Time, jitter float64) (next time.Time, final bool) {
	var refusal news.Refusal
	var delay news.Delay
	switch {
	case errors.As(err, &refusal), !now.Before(e.QueuedAt.Add(patience)):
		return time.Time{}, true
	case errors.As(err, &delay):
		return now.Add(min(max(delay.After, shortestWait), longestWait)), false
	}
	wait := waits[min(e.Attempts, len(waits)-1)]
	spread := wait + time.Duration(jitter*float64(wait)/10)
	if wait <= briskWait {
		spread = min(spread, briskWait)
	}
	return now.Add(spread), false
}
