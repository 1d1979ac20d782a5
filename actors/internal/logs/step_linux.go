package logs

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
)

const (
	// largeBatch, in bytes, is what makes a stream worth another look at once, without a nap.
	largeBatch = 64 << 10
	// busyBatch, in bytes, is what makes a stream worth a look after its nap, without being asked by epoll.
	busyBatch = 4 << 10
)

// step moves one batch of a stream, and leaves the stream where it belongs then. Everything that concerns the stream is
// settled before its bytes go to the file, as the goroutine may end there; see guard.
func (p *Pump) step(s *Stream) {
	f := s.file
	if s.state == gone {
		return
	}
	if s.finishing && s.left == 0 && !s.owes() {
		if p.finished(s); s.state == gone {
			return
		}
	}
	if p.batch == nil && p.newBatch() != nil {
		p.nap(s) // no descriptors
		return
	}
	dropping := f == nil || f.dropping()
	if dropping && f != nil && f.stuck && !s.closing && s.roomy() {
		p.await(s) // it may answer yet, and the process does not wait
		return
	}
	if !dropping && f.keepsOut(s) || s.finishing && s.left == 0 && !s.skip && (f == nil || !f.inside(s)) {
		p.await(s)
		return
	}
	limit := p.limit
	if s.finishing {
		limit = min(limit, int(s.left))
	}
	last := s.finishing && s.left == 0
	var seen []byte
	if !last {
		var err error
		seen, err = p.tee(s, limit)
		switch {
		case err == unix.EAGAIN && s.finishing: // cannot be: FIONREAD saw bytes, and nobody else reads
			s.left = 0
			p.enqueue(s)
			return
		case err == unix.EAGAIN:
			s.partial = 0
			p.sleep(s, once)
			return
		case err != nil: // no memory
			p.nap(s)
			return
		}
		if len(seen) == 0 { // no writer is left
			s.closing, s.finishing, s.left = true, true, 0
			p.enqueue(s)
			return
		}
		last = s.finishing && len(seen) == int(s.left) || s.ended && unread(s.fd) == len(seen)
		if len(seen) >= int(s.capacity)/4 {
			p.grow(s)
		}
	}
	all := len(seen)
	dressed := f != nil && f.options.Form != (Form{}) && f.holder != s // a line that began as it is ends so
	if f != nil && !s.skip && !dropping && !dressed {
		seen = seen[:p.rotate(s, seen)]
		last = last && len(seen) == all
	}
	if s.skip || f == nil {
		p.forgetLine(s, seen, last)
		return
	}
	c := decide(seen, last, f.inside(s) || s.forced, p.longest(s))
	if c.take == 0 && !c.close {
		p.unfinished(s, len(seen))
		return
	}
	if dropping {
		p.drop(s, seen, c)
		return
	}
	if dressed && c.take > 0 {
		p.dressed(s, seen, all, c)
		return
	}
	p.batch.begin(p, s, c.lines)
	_ = failpoint.At("log.begun")
	if err := p.commit(s, c.take); err != nil {
		s.closing, s.finishing, s.left = true, true, 0 // cannot be; the pipe is of no more use
		p.enqueue(s)
		return
	}
	_ = failpoint.At("log.taken")
	offer(f.ways, s.name, p.now, seen[:c.take])
	b := p.batch
	b.data, b.lines, b.open = seen[:c.take], c.lines, c.open
	if c.close {
		p.add(b, "\n")
	}
	b.moved(c.lines)
	p.consumed(s, len(seen), c.take)
	p.put(s)
	if len(seen) < all && s.state == asleep {
		p.enqueue(s) // the rest goes into another file
	} else {
		p.next(s, all)
	}
}

// longest is how long an unfinished line may wait in the stream's pipe, in bytes. A write that does not fit into what is
// left of a page starts a new one, so that a pipe can be full when it holds half of its size, less the page that we took
// from.
func (p *Pump) longest(s *Stream) int {
	line := s.file.options.MaxLine
	if line <= 0 {
		line = DefaultMaxLine
	}
	return int(min(line, DefaultMaxLine, int64(s.capacity)/4, int64(p.limit)/2))
}

// consumed keeps the books of what left the pipe.
func (p *Pump) consumed(s *Stream, seen, taken int) {
	s.partial = int32(seen - taken)
	s.moved = min(s.moved+int32(taken), hotPipe)
	s.flow += int64(taken)
	s.forced = false
	s.busy = seen >= busyBatch
	if s.finishing {
		s.left -= int32(taken)
	}
}

// next says when the stream is looked at again, after seen bytes were in its pipe.
func (p *Pump) next(s *Stream, seen int) {
	switch {
	case s.state != asleep: // somebody has decided already
	case s.ended || s.finishing || seen >= largeBatch && !p.yields():
		p.enqueue(s)
	default:
		s.fast = p.fast(s)
		p.nap(s)
	}
}

// fast says whether a pipe that was made large fills more than by half while it is left alone for a long nap, at the speed that it
// had since the last time: its writer would wait.
func (p *Pump) fast(s *Stream) bool {
	now := p.now.UnixNano()
	since, flow := now-s.napped, s.flow
	s.napped, s.flow = now, 0
	return s.hot && since > 0 && flow*int64(longNap) > since*(hotPipe/2)
}

// unfinished deals with a pipe that holds nothing but the beginning of a line.
func (p *Pump) unfinished(s *Stream, seen int) {
	known := int(s.partial)
	s.partial, s.busy = int32(seen), false
	switch {
	case unread(s.fd) > seen && (known == seen || s.finishing):
		s.forced = true // more pages than tee can show us
		p.enqueue(s)
	case unread(s.fd) > seen:
		p.enqueue(s)
	case known != seen:
		p.nap(s)
	case s.capacity < coldPipe && full(s.fd): // two pages: one with the rest of what we took, one that nothing fits into
		s.forced = true
		p.enqueue(s)
	default:
		p.sleep(s, edge)
		p.probe(s)
	}
}

// probe looks in a second whether the process waits because its pipe is full, of however few bytes.
func (p *Pump) probe(s *Stream) {
	if s.probing {
		return
	}
	s.probing = true
	seen := s.partial
	p.alarm(afterSecond, func() {
		s.probing = false
		switch {
		case s.state != asleep || s.mode != edge:
		case s.partial != seen:
			p.probe(s)
		case full(s.fd):
			s.forced = true
			p.enqueue(s)
		}
	})
}

// forgetLine discards what is left of a line that was dropped, and everything of a stream without a file.
func (p *Pump) forgetLine(s *Stream, seen []byte, last bool) {
	take := len(seen)
	if s.file != nil {
		i := bytes.IndexByte(seen, '\n')
		if i >= 0 {
			take = i + 1
		}
		if i >= 0 || last {
			s.skip = false
			p.lose(s.file, s, 1)
		}
	}
	skip(int(s.fd), take, p.batch.buffer)
	p.consumed(s, len(seen), take)
	p.next(s, len(seen))
}

// drop discards and counts what may leave the pipe.
func (p *Pump) drop(s *Stream, seen []byte, c cut) {
	f := s.file
	f.cutOff(s)
	s.skip = c.open
	p.lose(f, s, c.lines)
	offer(f.ways, s.name, p.now, seen[:c.take])
	skip(int(s.fd), c.take, p.batch.buffer)
	p.consumed(s, len(seen), c.take)
	p.next(s, len(seen))
}

// owes says whether something of what has left the pipe is not in the file yet, or its line not completed.
func (s *Stream) owes() bool {
	f := s.file
	return f != nil && (s.skip || f.holder == s || f.parked != nil && f.parked.stream == s)
}

// finish begins the end of a run.
func (p *Pump) finish(s *Stream, done func()) {
	if s.state == gone {
		done()
		return
	}
	if earlier, later := s.done, done; earlier != nil {
		done = func() { earlier(); later() }
	}
	s.finishes++
	s.done, s.finishing, s.left = done, true, int32(unread(s.fd))
	s.state = asleep
	p.step(s)
	for s.done != nil && s.state == queued {
		s.state = asleep
		p.step(s)
	}
	if s.done != nil {
		p.limitFinish(s)
	}
}

// limitFinish ends the waiting for the file when its time is over. What is in the pipe then stays there.
func (p *Pump) limitFinish(s *Stream) {
	which := s.finishes
	p.alarm(afterFinish, func() {
		if s.done == nil || s.finishes != which {
			return
		}
		if s.closing {
			p.abandon(s)
			return
		}
		done := s.done
		s.done = nil
		s.behind.Store(s.left > 0)
		if s.left == 0 {
			s.finishing = false
		}
		if s.state == waiting {
			p.enqueue(s)
		}
		done()
	})
}

// finished is called when nothing of the run is left to write.
func (p *Pump) finished(s *Stream) {
	done, read := s.done, s.read
	s.done, s.read, s.finishing = nil, nil, false
	s.behind.Store(false)
	if s.closing {
		p.remove(s)
	}
	if done != nil {
		done()
	}
	for _, done := range read {
		done()
	}
}

// abandon closes a stream whose file does not take what is in its pipe.
func (p *Pump) abandon(s *Stream) {
	buffer := make([]byte, largeBatch)
	lines, unended := 0, s.skip || s.file != nil && s.file.inside(s)
	for left := unread(s.fd); left > 0; {
		n, err := unix.Read(int(s.fd), buffer[:min(left, len(buffer))])
		if n <= 0 || err != nil {
			break
		}
		left -= n
		lines += bytes.Count(buffer[:n], newline)
		unended = buffer[n-1] != '\n'
	}
	if unended {
		lines++
	}
	if f := s.file; f != nil {
		f.cutOff(s)
		p.lose(f, s, lines)
	}
	p.finished(s)
}

// remove closes the pipe and forgets the stream.
func (p *Pump) remove(s *Stream) {
	s.state = gone
	p.mu.Lock()
	// Closing is not enough: a fork in flight may hold the pipe open, and epoll would report it under a number that has
	// another meaning by then.
	_ = p.epoll.Control(unix.EPOLL_CTL_DEL, int(s.fd), nil)
	p.leave(s.name, int(s.fd))
	_ = unix.Close(int(s.fd))
	p.streams[s.fd] = nil
	p.alive--
	if s.hot {
		p.hot--
	}
	if f := s.file; f != nil {
		f.refs--
		if f.refs == 0 {
			p.postLocked(func() { p.forget(f) })
		}
	}
	p.mu.Unlock()
}
