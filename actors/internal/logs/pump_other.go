//go:build !linux

package logs

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Pump moves lines by reading and writing, with a goroutine for each pipe: the portable way.
type Pump struct {
	counts  map[string]*Counter
	mu      sync.Mutex
	closed  bool
	files   map[string]*File
	byID    map[identity]*File
	streams map[*Stream]struct{}
	hear    atomic.Pointer[func(Note)]
	unsaid  unsaid
	zone    atomic.Pointer[time.Location]
	aside   aside
	packing packing
	ways    ways
	trust   trust
	ends    sync.WaitGroup // calls of Finish that have not answered
}

// NewPump makes a pump. A shelter needs Linux.
func NewPump(shelter *Shelter) (*Pump, error) {
	var who trust
	if shelter != nil {
		who = trust(shelter.Owner)
	}
	return &Pump{trust: who, counts: map[string]*Counter{}, files: map[string]*File{}, byID: map[identity]*File{}, streams: map[*Stream]struct{}{}}, nil
}

// Yield is for pumps that would keep a processor busy.
func (p *Pump) Yield() {}

// File is the one writer of a log file.
type File struct {
	pump    *Pump
	ways    []*way // this and the next four are guarded by Pump.mu
	options FileOptions
	names   []string
	refs    int
	streams int

	mu      sync.Mutex
	fd      int // -1 while it cannot be opened
	id      identity
	regular bool
	err     error     // why it refuses; nil while it works
	name    string    // behind all links, "" where it cannot be put aside
	born    time.Time // that is, when it was last put aside
	tried   time.Time // when it refused last
	loss    loss      // what is to be marked
	inside  *Stream   // whose unfinished line the file ends with
	reopen  bool
}

// Open makes or shares the writer of a file. A file that cannot be opened now refuses its lines and is tried again
// every second: that is no error here.
func (p *Pump) Open(o FileOptions) (*File, error) {
	if o.Path == "" {
		return nil, errors.New("log file: no path")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	f := p.files[o.Path]
	if f == nil {
		fd, name, err := openLog(o.Path, p.trust)
		var id identity
		if err == nil {
			id, _, _, err = identify(fd)
		}
		if f = p.byID[id]; f != nil && err == nil {
			_ = unix.Close(fd)
		} else {
			f = &File{pump: p, fd: fd, options: o}
			f.opened(fd, name, err)
			if err == nil {
				p.byID[f.id] = f
			}
		}
		p.files[o.Path] = f
		f.names = append(f.names, o.Path)
	}
	f.configure(o)
	f.refs++
	return f, nil
}

// Configure gives the file of that path other options if it is open.
func (p *Pump) Configure(o FileOptions) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.files[o.Path]; f != nil {
		f.configure(o)
	}
}

// configure is for whoever holds Pump.mu.
func (f *File) configure(o FileOptions) {
	f.options, f.ways = o, f.pump.ways.exchange(f.ways, o.Forward, f.pump.tell)
}

// Close gives up one reference. The file is closed when no stream and no other reference is left.
func (f *File) Close() error {
	p := f.pump
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.refs--; f.refs > 0 {
		return nil
	}
	for _, name := range f.names {
		delete(p.files, name)
	}
	if p.byID[f.id] == f {
		delete(p.byID, f.id)
	}
	p.ways.leave(f.ways)
	f.ways = nil
	f.mu.Lock()
	defer f.mu.Unlock()
	fd := f.fd
	f.fd = -1
	if fd < 0 {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(fd))
}

// Err says why the file refuses lines now, nil if it takes them.
func (f *File) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Reopen opens every file anew by its path, at the next line boundary.
func (p *Pump) Reopen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.files {
		f.mu.Lock()
		f.reopen = true
		f.mu.Unlock()
	}
}

// Close writes what is in the pipes and ends the pump. Streams and files are closed with it.
func (p *Pump) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	var left []*Stream
	for s := range p.streams {
		left = append(left, s)
	}
	p.mu.Unlock()
	for _, s := range left {
		s.Close()
	}
	for _, s := range left {
		<-s.ended
	}
	p.ends.Wait()
	p.packing.end()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.files {
		f.mu.Lock()
		if f.fd >= 0 {
			_ = unix.Close(f.fd)
			f.fd = -1
		}
		f.mu.Unlock()
	}
	p.ways.close()
}

// Stream is the way of one pipe into its file.
type Stream struct {
	pump    *Pump
	file    *File // nil discards
	counter *Counter
	name    string
	pipe    *os.File
	ended   chan struct{}

	mu      sync.Mutex // held while a batch waits for its file
	partial []byte
	skip    bool // the rest of the line belongs to one that was dropped

	reading sync.Mutex
	read    int64 // bytes
	end     int64 // where in these the last run ends
}

// Attach makes a stream of the read end of a pipe, which belongs to the stream from then on unless there is an error. The
// stream holds a reference to f of its own. Without a file everything is read and forgotten, and nothing counted.
func (p *Pump) Attach(fd int, name string, f *File, c *Counter) (*Stream, error) {
	if c == nil {
		c = new(Counter)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("attach: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	s := &Stream{pump: p, name: name, file: f, counter: c, pipe: os.NewFile(uintptr(fd), "log pipe"), ended: make(chan struct{})}
	if f != nil {
		f.refs++
		f.streams++
	}
	p.streams[s] = struct{}{}
	go s.run()
	return s, nil
}

// Finish calls done once, when every byte that is in the pipe now is in the file or counted as dropped, its last line
// completed by a newline if it had none; or after 200 ms if the file does not take it. It does not wait for the write
// ends to be closed. done must not block. The stream lives on for whoever else holds the write end: what they write later
// starts on a line of its own.
func (s *Stream) Finish(done func()) {
	s.mark()
	finished := make(chan struct{})
	go func() {
		s.finish()
		close(finished)
	}()
	answered := func() {}
	s.pump.mu.Lock()
	if !s.pump.closed {
		s.pump.ends.Add(1)
		answered = s.pump.ends.Done
	}
	s.pump.mu.Unlock()
	go func() {
		defer answered()
		limit := time.NewTimer(finishLimit)
		defer limit.Stop()
		select {
		case <-finished:
		case <-limit.C:
		}
		done()
	}()
}

// Behind is false: nothing outlives us here.
func (s *Stream) Behind() bool { return false }

// WhenRead calls done at once.
func (s *Stream) WhenRead(done func()) { done() }

// Close finishes the stream and closes its pipe, whoever still holds the write end. It returns at once.
func (s *Stream) Close() {
	s.mark()
	go func() {
		s.finish()
		_ = s.pipe.Close() // wakes run
	}()
}

// mark ends the run with what is in the pipe now.
func (s *Stream) mark() {
	s.reading.Lock()
	defer s.reading.Unlock()
	raw, err := s.pipe.SyscallConn()
	if err != nil {
		return // closed: everything is written
	}
	_ = raw.Control(func(fd uintptr) {
		left, _ := unix.IoctlGetInt(int(fd), ioctlUnread)
		s.end = s.read + int64(left)
	})
}

func (s *Stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, err := s.pipe.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, tailChunk)
	_ = raw.Control(func(fd uintptr) {
		for {
			s.reading.Lock()
			left := s.end - s.read
			s.reading.Unlock()
			if left <= 0 {
				break
			}
			if n, err := s.some(int(fd), buf); n <= 0 || err != nil {
				break
			}
		}
	})
	s.reading.Lock()
	whole := s.read == s.end
	s.reading.Unlock()
	if whole {
		s.complete() // also a line that was in the file, or read, before
	}
}

// some reads once and passes on what it read, never across the end of a run. The caller holds s.mu.
func (s *Stream) some(fd int, buf []byte) (int, error) {
	s.reading.Lock()
	left := s.end - s.read
	if left > 0 {
		buf = buf[:min(left, int64(len(buf)))]
	}
	n, err := unix.Read(fd, buf)
	if n > 0 {
		s.read += int64(n)
	}
	s.reading.Unlock()
	if n > 0 {
		s.take(buf[:n])
		if int64(n) == left {
			s.complete()
		}
	}
	return n, err
}

func (s *Stream) run() {
	defer close(s.ended)
	raw, err := s.pipe.SyscallConn()
	buf := make([]byte, tailChunk)
	for over := false; !over && err == nil; {
		err = raw.Read(func(fd uintptr) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			n, err := s.some(int(fd), buf)
			over = err == nil && n == 0 || err != nil && err != unix.EAGAIN && err != unix.EINTR
			return err != unix.EAGAIN
		})
	}
	s.mu.Lock()
	s.complete()
	s.mu.Unlock()
	_ = s.pipe.Close()
	s.pump.mu.Lock()
	delete(s.pump.streams, s)
	if s.file != nil {
		s.file.streams--
	}
	s.pump.mu.Unlock()
	if s.file != nil {
		_ = s.file.Close()
	}
}
