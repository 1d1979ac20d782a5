package logs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/epoll"
)

// Pump moves lines from pipes into files, with one goroutine for all of them. A batch goes from its pipe into a stage,
// which is a pipe too, and from there into the file, by splice(2): its bytes are at every moment in something that
// outlives us. What is read is a copy that tee(2) made, to find the last newline and to count.
//
// The goroutine hands the pump over to a new one when a file system does not answer; see guard.
type Pump struct {
	epoll   *epoll.Epoll
	wake    int      // an eventfd
	shelter *Shelter // nil: nothing outlives us
	ledger  *ledger  // nil with it
	ignored string

	mu      sync.Mutex
	closed  bool
	counts  map[string]*Counter // without a ledger
	files   map[string]*File
	byID    map[identity]*File
	streams []*Stream // by descriptor
	orders  []func()  // for the goroutine
	ordered atomic.Bool
	ended   chan struct{}
	owed    map[string]loss // of files that are not open, by path: what an earlier pump could not write

	hear   atomic.Pointer[func(Note)]
	unsaid unsaid
	zone   atomic.Pointer[time.Location]

	aside   aside
	packing packing
	ways    ways
	index   string // a directory, "" for none
	trust   trust

	baton      baton
	begun      time.Time
	yieldUntil atomic.Int64 // nanoseconds since then

	// What follows belongs to the goroutine that has the baton.
	now     time.Time
	ready   []*Stream // from head on
	head    int
	naps    [3]nap
	alarms  [len(delays)]alarms
	scratch pipe
	limit   int // bytes in a batch
	batch   *batch
	active  *Stream // whose batch is on its way
	ending  bool
	alive   int // streams
	hot     int // pipes that were made large

	stageTaken [stageRecords]bool
}

// NewPump makes a pump and starts its goroutine. With a shelter it first brings to an end what an earlier pump had on its way.
func NewPump(shelter *Shelter) (*Pump, error) {
	p := &Pump{shelter: shelter, owed: map[string]loss{}, begun: time.Now(), counts: map[string]*Counter{}, files: map[string]*File{}, byID: map[identity]*File{}, ended: make(chan struct{})}
	var err error
	if shelter != nil {
		p.trust = trust(shelter.Owner)
		if p.ledger, p.ignored, err = openLedger(shelter.Directory, bootID()); err != nil {
			p.ignored, p.shelter = fmt.Sprintf("output is not kept if the daemon is killed: %v", err), nil
		} else {
			p.finishStages()
		}
	}
	if p.epoll, err = epoll.New(); err != nil {
		return nil, err
	}
	if p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		p.epoll.Close()
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.wake)}
	err = p.epoll.Control(unix.EPOLL_CTL_ADD, p.wake, &event)
	if err == nil {
		p.scratch, err = newPipe()
	}
	if err == nil {
		err = p.newBatch()
	}
	if err != nil {
		p.scratch.close()
		_ = unix.Close(p.wake)
		p.epoll.Close()
		return nil, fmt.Errorf("log pump: %w", err)
	}
	p.baton.init(p)
	go p.loop()
	return p, nil
}

// Counter is the count of a name, which goes on over all pumps that share a shelter.
func (p *Pump) Counter(name string) *Counter {
	if p.ledger != nil {
		return p.ledger.counter(name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts[name]
	if c == nil {
		c = new(Counter)
		p.counts[name] = c
	}
	return c
}

// Ignored says what of an earlier pump's could not be used, "" for nothing.
func (p *Pump) Ignored() string { return p.ignored }

// File is the one writer of a log file.
type File struct {
	pump  *Pump
	names []string // this and the next are guarded by Pump.mu
	refs  int
	err   atomic.Pointer[refusal]

	// What follows belongs to the pump's goroutine.
	options   FileOptions
	forgotten bool
	fd        int // -1 while it cannot be opened
	id        identity
	regular   bool  // else a terminal, a pipe or a device, which has no position
	unspliced bool  // it takes write(2) only
	pos       int64 // where the next byte goes
	lineStart int64 // where the unfinished line of holder, or the torn one, begins; negative if it is not ours to remove
	holder    *Stream
	name      string    // behind all links, "" where it cannot be put aside
	born      time.Time // that is, when it was last put aside
	worry     string    // what was told last of its trouble
	patient   time.Time // until when it is not put aside, as that failed
	torn      bool      // it ends inside a line that nobody will finish
	reopen    bool
	stuck     bool   // a system call on it does not return
	parked    *batch // what it did not take
	trial     bool   // it refuses, and the next batch tries it again
	stalls    uint32 // how often it has
	stalled   bool   // it could take no more at once, as a pipe that is full
	hurrying  bool   // the holder's time runs
	retrying  bool   // a retry is due
	loss      loss   // what is to be marked
	noted     noted
	ways      []*way
	waiting   []*Stream
}

// refusal is why a file does not take lines.
type refusal struct{ err error }

// Err says why the file refuses lines now, nil if it takes them. It may be called from anywhere.
func (f *File) Err() error {
	if r := f.err.Load(); r != nil {
		return r.err
	}
	return nil
}

// Open makes or shares the writer of a file. A file that cannot be opened now refuses its lines and is tried again every
// second: that is no error here. Open may wait for the file system; it keeps nobody else waiting meanwhile.
func (p *Pump) Open(o FileOptions) (*File, error) {
	if o.Path == "" {
		return nil, errors.New("log file: no path")
	}
	p.mu.Lock()
	f, err := p.share(o.Path, o)
	p.mu.Unlock()
	if f != nil || err != nil {
		return f, err
	}
	f = &File{pump: p, fd: -1, options: o, refs: 1, names: []string{o.Path}}
	found, err := p.find(o.Path)
	if err == nil {
		f.opened(found)
	} else {
		f.err.Store(&refusal{err})
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	twin, closed := p.share(o.Path, o)
	if twin == nil && closed == nil && f.fd >= 0 && p.byID[f.id] != nil {
		twin, closed = p.share(p.byID[f.id].names[0], o)
		twin.names = append(twin.names, o.Path)
		p.files[o.Path] = twin
		p.inherit(twin, o.Path)
	}
	if twin != nil || closed != nil {
		if f.fd >= 0 {
			_ = unix.Close(f.fd)
		}
		return twin, closed
	}
	f.ways = p.ways.to(o.Forward, p.tell)
	p.files[o.Path] = f
	p.inherit(f, o.Path)
	if f.fd >= 0 {
		p.byID[f.id] = f
	} else {
		p.postLocked(func() { p.refused(f, err) })
	}
	return f, nil
}

// share finds the writer of a path that is open already. The caller holds p.mu.
func (p *Pump) share(path string, o FileOptions) (*File, error) {
	if p.closed {
		return nil, ErrClosed
	}
	f := p.files[path]
	if f == nil {
		return nil, nil
	}
	f.refs++
	p.reconfigure(f, o)
	return f, nil
}

// Configure gives the file of that path other options if it is open.
func (p *Pump) Configure(o FileOptions) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.files[o.Path]; f != nil && !p.closed {
		p.reconfigure(f, o)
	}
}

// reconfigure is for whoever holds p.mu.
func (p *Pump) reconfigure(f *File, o FileOptions) {
	p.postLocked(func() {
		if f.forgotten {
			return
		}
		o.Path = f.options.Path // by whatever name it is shared
		f.options, f.ways = o, p.ways.exchange(f.ways, o.Forward, p.tell)
		p.release(f)
	})
}

// Close gives up one reference. The file is closed when no stream and no other reference is left.
func (f *File) Close() error {
	f.pump.mu.Lock()
	defer f.pump.mu.Unlock()
	f.refs--
	if f.refs == 0 && !f.pump.closed {
		f.pump.postLocked(func() { f.pump.forget(f) })
	}
	return nil
}

// Reopen opens every file anew by its path, at the next line boundary. A file that cannot be opened keeps the one it has
// and tries again every second. It returns at once.
func (p *Pump) Reopen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	for name, f := range p.files {
		if f.names[0] == name { // one order each: one that does not return must not take the others with it
			p.postLocked(func() {
				f.reopen = true
				p.tryReopen(f)
			})
		}
	}
}

// Close writes what is in the pipes, waiting for a file at most 200 ms, and ends the pump. All streams and files are
// closed with it.
func (p *Pump) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		p.postLocked(p.end)
	}
	p.mu.Unlock()
	<-p.ended
	p.packing.end()
	p.ways.close()
}

// post hands an order to the goroutine. It says false when the pump was closed; the order is then never carried out.
func (p *Pump) post(order func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.postLocked(order)
	return true
}

func (p *Pump) postLocked(order func()) {
	p.orders = append(p.orders, order)
	if len(p.orders) == 1 {
		p.ordered.Store(true)
		one := binary.NativeEndian.AppendUint64(nil, 1)
		_, _ = unix.Write(p.wake, one) // fails only when it is readable anyway
	}
}
