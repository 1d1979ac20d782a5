package logs

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Stream is the way of one pipe into its file.
type Stream struct {
	pump    *Pump
	file    *File // nil discards
	counter *Counter
	behind  atomic.Bool // the end of a run came before its lines were in the file

	// What follows belongs to the pump's goroutine.
	name      string // of its FIFO, "" for a pipe
	done      func() // who waits for the end of the run
	read      []func()
	fd        int32
	capacity  int32  // of the pipe, bytes
	partial   int32  // bytes of an unfinished line that were seen in the pipe
	left      int32  // bytes to the end of the run
	moved     int32  // bytes since the pipe was looked at for shrinking
	finishes  uint16 // how many ends of runs there were
	state     state
	mode      mode
	finishing bool
	closing   bool
	ended     bool  // every write end is closed
	skip      bool  // the rest of this line belongs to one that was dropped
	forced    bool  // the pipe is full of less than a line
	hot       bool  // the pipe was made large
	stunted   bool  // the pipe may not grow
	probing   bool  // an alarm will look whether it is full
	busy      bool  // the last batch was not small
	fast      bool  // a long nap would make its writer wait
	flow      int64 // bytes since the last nap
	napped    int64 // when that was, in nanoseconds
}

// state is where a stream is.
type state uint8

const (
	asleep  state = iota // epoll wakes it
	queued               // it is in Pump.ready
	napping              // it is in a nap
	waiting              // for its file
	gone
)

// Attach makes a stream of the read end of a pipe, which belongs to the stream from then on unless there is an error. The
// stream holds a reference to f of its own. Without a file everything is read and forgotten, and nothing counted. name is that of
// a Channel, "" for another pipe.
func (p *Pump) Attach(fd int, name string, f *File, c *Counter) (*Stream, error) {
	capacity, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		return nil, fmt.Errorf("attach: not a pipe: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("attach: %w", err)
	}
	if c == nil {
		c = new(Counter)
	}
	s := &Stream{pump: p, name: name, file: f, counter: c, fd: int32(fd), capacity: int32(capacity), mode: once}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	for len(p.streams) <= fd {
		p.streams = append(p.streams, nil)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(fd)}
	if err := p.epoll.Control(unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return nil, fmt.Errorf("attach: epoll: %w", err)
	}
	p.streams[fd] = s
	p.alive++
	if f != nil {
		f.refs++
	}
	return s, nil
}

// Finish calls done once, when every byte that is in the pipe now is in the file or counted as dropped, its last line
// completed by a newline if it had none; or after 200 ms if the file does not take it. It does not wait for the write
// ends to be closed. done runs on the pump's goroutine and must not block; it may call any method but Pump.Close. The
// stream lives on for whoever else holds the write end: what they write later starts on a line of its own.
func (s *Stream) Finish(done func()) {
	if !s.pump.post(func() { s.pump.finish(s, done) }) {
		done() // Close has written everything
	}
}

// Behind says whether Finish has called before everything was in the file: the rest is in the pipe still.
func (s *Stream) Behind() bool { return s.behind.Load() }

// WhenRead calls done once, when what is in the pipe now has left it, however long its file does not take it. done runs on the pump's
// goroutine, and must not block. It is not called if the pump is quiesced before.
func (s *Stream) WhenRead(done func()) {
	p := s.pump
	if !p.post(func() {
		if s.state == gone {
			done()
			return
		}
		s.read = append(s.read, done)
		if !s.finishing {
			s.finishing, s.left = true, int32(unread(s.fd))
		}
		p.enqueue(s)
	}) {
		done() // Close has written everything
	}
}

// Close finishes the stream and closes its pipe, whoever still holds the write end. It returns at once.
func (s *Stream) Close() {
	s.pump.post(func() {
		if s.state != gone {
			s.closing = true
			s.pump.finish(s, func() {})
		}
	})
}
