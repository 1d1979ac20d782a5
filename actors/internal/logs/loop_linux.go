package logs

import (
	"time"

	"golang.org/x/sys/unix"
)

// mode is what epoll watches a pipe for.
type mode uint8

const (
	off mode = iota
	// once: a write to a pipe wakes a watcher each time, so that it is watched only while nothing is done about it.
	once
	// edge: an unfinished line lies in the pipe. Every other mode would report it again and again.
	edge
	// out is off for a busy pipe: epoll does not know it. Each write to a pipe goes through those who watch it, even for nothing, and
	// lines of 100 bytes are a tenth faster so.
	out
)

func (p *Pump) watch(s *Stream, m mode) {
	if m == off && s.hot {
		m = out
	}
	if m == s.mode && m != once {
		return
	}
	// A mask of nothing would still report the end of the writers, for ever; EPOLLONESHOT makes that once too.
	event := unix.EpollEvent{Events: unix.EPOLLONESHOT, Fd: s.fd}
	change := unix.EPOLL_CTL_MOD // which does not fail: it was added with memory to spare
	switch {
	case m == out:
		change = unix.EPOLL_CTL_DEL
	case s.mode == out:
		change = unix.EPOLL_CTL_ADD
	}
	switch m {
	case once:
		event.Events |= unix.EPOLLIN
	case edge:
		event.Events = unix.EPOLLIN | unix.EPOLLET
	}
	if p.epoll.Control(change, int(s.fd), &event) == nil || s.mode != out {
		s.mode = m
	}
}

// nap is the streams that are left alone until their pipes hold more than a few lines. One moment ends it for all.
type nap struct {
	until   time.Time
	streams []*Stream
	spare   []*Stream // empty: the next list
}

const (
	// A nap lets a pipe of a mebibyte fill at 300 MB/s to less than its half, and makes a batch of 100-byte lines large.
	longNap = 2 * time.Millisecond
	// shortNap is for busy pipes that may not grow: 64 KiB at 300 MB/s.
	shortNap = 200 * time.Microsecond
	// blink is for the fastest writers, which would wait: no more than a chance for others.
	blink = 20 * time.Microsecond
)

// yieldFor is how long the pump holds back for one start of a process.
const yieldFor = 5 * time.Millisecond

// Yield has the pump hold back for a few milliseconds, because a process has ended or is to be started: its pipes fill, and whoever writes
// to them as fast as it can leaves the processor to the start. It may be called from anywhere, and costs nothing.
func (p *Pump) Yield() { p.yieldUntil.Store(int64(time.Since(p.begun) + yieldFor)) }

func (p *Pump) yields() bool { return p.now.Sub(p.begun) < time.Duration(p.yieldUntil.Load()) }

func (p *Pump) nap(s *Stream) {
	n, length := &p.naps[0], longNap
	switch {
	case p.yields():
	case s.fast:
		n, length = &p.naps[2], blink
	case s.stunted:
		n, length = &p.naps[1], shortNap
	}
	p.watch(s, off)
	s.state = napping
	if len(n.streams) == 0 {
		n.until = p.now.Add(length)
	}
	n.streams = append(n.streams, s)
}

func (p *Pump) enqueue(s *Stream) {
	if s.state == queued {
		return
	}
	p.watch(s, off)
	s.state = queued
	p.ready = append(p.ready, s)
}

// sleep leaves a stream to epoll.
func (p *Pump) sleep(s *Stream, m mode) {
	s.state = asleep
	if p.watch(s, m); s.mode == out { // no memory
		s.busy = true
		p.nap(s)
	}
}

// loop is the pump's goroutine.
func (p *Pump) loop() {
	events := make([]unix.EpollEvent, 128)
	for !p.ending || p.alive > 0 {
		p.baton.asleep()
		n, _ := p.epoll.Wait(events, p.timeout()) // an instance that is open does not fail
		p.now = time.Now()
		p.baton.awake()
		p.pick(events[:n])
		p.expire()
		p.obey()
		p.round()
	}
	p.over()
}

// pick takes up what epoll reported.
func (p *Pump) pick(events []unix.EpollEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range events {
		if int(e.Fd) == p.wake {
			var count [8]byte
			_, _ = unix.Read(p.wake, count[:])
			continue
		}
		s := p.streams[e.Fd]
		if s == nil {
			continue
		}
		s.ended = e.Events&unix.EPOLLHUP != 0
		switch s.mode {
		case edge:
			if s.state == asleep && !s.ended && unread(s.fd) == int(s.partial) {
				continue // it reports what we know, at first
			}
		case once:
			s.mode = off
		}
		if s.state == asleep {
			p.enqueue(s)
		}
	}
}

// obey carries out the orders of other goroutines.
func (p *Pump) obey() {
	for p.ordered.Load() {
		p.mu.Lock()
		if len(p.orders) == 0 {
			p.ordered.Store(false)
			p.mu.Unlock()
			return
		}
		order := p.orders[0]
		p.orders[0] = nil
		p.orders = p.orders[1:]
		p.mu.Unlock()
		order()
	}
}

// round gives every stream that is ready now one batch. It leaves the queue in order at every step, as the goroutine may
// end in the middle; see guard.
func (p *Pump) round() {
	for left := len(p.ready) - p.head; left > 0; left-- {
		s := p.ready[p.head]
		p.ready[p.head] = nil
		p.head++
		if p.head == len(p.ready) {
			p.ready, p.head = p.ready[:0], 0
		}
		if s.state == queued {
			s.state = asleep
			p.step(s)
		}
		p.obey() // the end of a run does not wait for the others
	}
	if p.head > 256 {
		p.ready = append(p.ready[:0], p.ready[p.head:]...)
		p.head = 0
	}
}

// expire ends naps and runs the alarms that are due.
func (p *Pump) expire() {
	for i := range p.naps {
		n := &p.naps[i]
		if len(n.streams) == 0 || p.now.Before(n.until) {
			continue
		}
		ended := n.streams
		n.streams, n.spare = n.spare, nil // some may go on
		for j, s := range ended {
			ended[j] = nil
			switch {
			case s.state != napping:
			case s.busy || s.partial > 0:
				p.enqueue(s)
			default:
				p.sleep(s, once)
			}
		}
		if cap(ended) <= 1024 {
			n.spare = ended[:0]
		}
	}
	for i := range p.alarms {
		for {
			act := p.alarms[i].due(p.now)
			if act == nil {
				break
			}
			act()
		}
	}
}

// timeout is how long there is nothing to do; negative is for ever.
func (p *Pump) timeout() time.Duration {
	if p.head < len(p.ready) || p.ending && p.alive == 0 {
		return 0
	}
	var next time.Time
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for i := range p.naps {
		if len(p.naps[i].streams) > 0 {
			sooner(p.naps[i].until)
		}
	}
	for i := range p.alarms {
		if len(p.alarms[i].queue) > 0 {
			sooner(p.alarms[i].queue[0].at)
		}
	}
	if next.IsZero() {
		return -1
	}
	return max(0, time.Until(next))
}

// The delays of alarms. Each has its own queue: those of one length expire in the order in which they were set.
const (
	afterStall  = iota // a pipe or terminal that was full
	afterFinish        // finishLimit
	afterSecond        // retryEvery and holdLimit
	afterQuiet         // before a pipe is made small again
)

var delays = [...]time.Duration{20 * time.Millisecond, finishLimit, time.Second, 10 * time.Second}

type alarms struct {
	queue []alarm
}

type alarm struct {
	at  time.Time
	act func() // looks whether it is still wanted
}

func (p *Pump) alarm(delay int, act func()) {
	a := &p.alarms[delay]
	a.queue = append(a.queue, alarm{p.now.Add(delays[delay]), act})
}

// due takes the first alarm out if its time has come.
func (a *alarms) due(now time.Time) func() {
	if len(a.queue) == 0 || now.Before(a.queue[0].at) {
		return nil
	}
	act := a.queue[0].act
	a.queue[0].act = nil
	a.queue = a.queue[1:]
	if len(a.queue) == 0 {
		a.queue = nil
	}
	return act
}
