package logs

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Note is something that happened to a log file: a Dropping, a Dropped or a Trouble.
type Note interface{ note() }

// Dropping says that a file refuses lines, and that they are being dropped.
type Dropping struct {
	Path, Stream string // Stream is the name of whose line was the first to go
	Why          error
}

// Dropped says that a file works again, and how many lines were dropped meanwhile. A marker in the file says the same.
type Dropped struct {
	Path, Stream string
	Lines        int64
	Why          error
	From, To     time.Time
}

// Trouble says what is wrong with a file, or a target, of which no line is lost: it cannot be put aside, or compressed; or lines are held.
type Trouble struct {
	Path, What string
	Err        error // nil: it is over
}

// unrotated is the trouble of a file that cannot be put aside.
const unrotated = "cannot be rotated, lines go on into it"

func (Dropping) note() {}
func (Dropped) note()  {}
func (Trouble) note()  {}

// errLate is why lines are dropped of a run that ended while its file was busy.
var errLate = errors.New("it was too slow")

// loss is what a file did not take since its last marker.
type loss struct {
	lines  int64
	since  time.Time
	why    error
	stream string
	told   bool // that it has begun
}

// marker is the line that says of a file what is not in it.
func (l loss) marker(until time.Time, zone *time.Location) string {
	const clock = "15:04:05"
	return fmt.Sprintf("[phorever] %d lines dropped, %s %s–%s\n", l.lines, Cause(l.why), l.since.In(zone).Format(clock), until.In(zone).Format(clock))
}

// Cause is why a file refuses lines, in a few words.
func Cause(err error) string {
	var number syscall.Errno
	switch {
	case err == nil:
		return errLate.Error()
	case !errors.As(err, &number):
		return err.Error()
	case number == unix.ENOSPC:
		return "disk full"
	case number == unix.EDQUOT:
		return "disk quota exceeded"
	case number == unix.EROFS:
		return "disk read-only"
	}
	return number.Error()
}

// unsaid is what happened before somebody listened.
type unsaid struct {
	mu    sync.Mutex
	notes []Note
}

// Tell has the pump tell of its files, and first of what was lost before. hear must not block; it is called by several goroutines.
func (p *Pump) Tell(hear func(Note)) {
	p.unsaid.mu.Lock()
	defer p.unsaid.mu.Unlock()
	for _, n := range p.unsaid.notes {
		hear(n)
	}
	p.unsaid.notes = nil
	p.hear.Store(&hear)
}

// say tells, or keeps what is to be told until somebody listens.
func (p *Pump) say(n Note) {
	p.unsaid.mu.Lock()
	defer p.unsaid.mu.Unlock()
	if !p.tell(n) {
		p.unsaid.notes = append(p.unsaid.notes, n)
	}
}

// SetZone is the time zone of markers. Without it that is UTC.
func (p *Pump) SetZone(zone *time.Location) { p.zone.Store(zone) }

// Refusal is why the file of a path refuses lines now, nil if it takes them or is not open.
func (p *Pump) Refusal(path string) error {
	p.mu.Lock()
	f := p.files[path]
	p.mu.Unlock()
	if f == nil {
		return nil
	}
	return f.Err()
}

func (p *Pump) tell(n Note) bool {
	hear := p.hear.Load()
	if hear != nil {
		(*hear)(n)
	}
	return hear != nil
}

func (p *Pump) location() *time.Location {
	if zone := p.zone.Load(); zone != nil {
		return zone
	}
	return time.UTC
}
