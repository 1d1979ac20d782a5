package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

const (
	mostEntries   = 1000        // of a sink
	mostFailed    = 200         // of them
	savePause     = time.Second // between two syncs
	longestName   = 1024        // of a sink and of an incident's key: the file has keys of 32 KiB at most
	damagedSuffix = ".damaged"
)

// Outbox is what each sink still has to get: in memory, and the same on disk, in one bbolt file that only its owner can
// read.
//
// Guarantees: what Commit returned without an error for survives the end of the process at any point, by kill -9 as well,
// and so does what was delivered: the message that was being sent just then may be sent once more. The messages of a sink
// keep their order; one that is merged into another that still waits takes its place. No sink has more than 1000 of them,
// 200 failed ones included. What is merged because there are too many is counted in a digest, and every process that was
// given up is named there. The file can be damaged in any way before it is opened, and lose pages while it is in use: it is
// moved aside, somebody is told, and what memory holds is written into a new one. An error of a method that changes something
// is news for people: what was to change has changed in memory, can be delivered all the same, and is written as soon as that
// works. Trouble tells whether the disk has it. Only a closed outbox, and a batch that no file could take, change nothing.
//
// Non-guarantees: nothing waits for the disk, but when the file grows; it gets what has changed about a second later. When
// the whole machine stops before that, what is new is lost, and the pages of the file may not fit together: then it counts as
// damaged. The oldest of more than 200 failed messages is lost. What else writes into the file while it is in use may hurt us.
//
// The methods are safe for concurrent use.
type Outbox struct {
	path             string
	most, mostFailed int // entries of a sink; of them, failed ones
	pause            time.Duration

	mu      sync.Mutex
	shelves map[string]*shelf // by sink
	seq     uint64            // the last one; never used twice, so that nobody settles the wrong entry
	file    *outboxFile       // nil when the next write has to make one
	closed  bool
	trouble error

	changed bool        // since the last sync
	timer   *time.Timer // runs, or its function does, while something has changed
	timers  sync.WaitGroup
}

// Entry is a message that waits in the outbox, or that failed for good.
type Entry struct {
	Seq       uint64       `json:"seq"` // the order of a sink
	Message   news.Message `json:"message"`
	Attempts  int          `json:"attempts"`
	LastError string       `json:"last_error,omitempty"`
	FirstTry  time.Time    `json:"first_try,omitzero"`
	LastTry   time.Time    `json:"last_try,omitzero"`
	NextTry   time.Time    `json:"next_try,omitzero"`
	Bound     bool         `json:"bound,omitempty"` // the service has asked for NextTry
	QueuedAt  time.Time    `json:"queued_at"`
	FailedAt  time.Time    `json:"failed_at,omitzero"` // for good
}

// Batch is what changes at once.
type Batch struct {
	Messages  []news.Message
	Incidents map[string][]byte // by key, opaque; nil deletes
}

// Listed is an entry and where it shall go.
type Listed struct {
	Sink string `json:"sink"`
	Entry
}

// Waiting is how much there is for a sink.
type Waiting struct {
	Pending, Failed int
	Newest          time.Time // when the newest one that waits and is neither a repeat nor a digest was queued
}

// OpenOutbox opens the outbox at a path, in a directory that exists. A file that cannot be read is moved aside, and a new
// one made; ignored says that, or how many messages in a file could not be read. A file that another process has open is an
// error after a second.
func OpenOutbox(path string) (o *Outbox, ignored string, err error) {
	o = &Outbox{path: path, most: mostEntries, mostFailed: mostFailed, pause: savePause, shelves: map[string]*shelf{}}
	file, err := openOutboxFile(path)
	dropped := 0
	if err == nil && file != nil {
		if o.shelves, dropped, err = file.load(); err != nil {
			file.abandon()
		}
	}
	if damage := (*damageError)(nil); errors.As(err, &damage) {
		file, o.shelves = nil, map[string]*shelf{}
		ignored, err = o.putAside(damage)
	}
	if err != nil {
		return nil, ignored, err
	}
	switch {
	case dropped > 0:
		ignored = fmt.Sprintf("%s: %d of what waited there could not be read and will not be delivered", path, dropped)
	case file != nil && file.stale:
		ignored = path + ": the last change may be missing"
	}
	for _, s := range o.shelves {
		if n := len(s.entries); n > 0 {
			o.seq = max(o.seq, s.entries[n-1].Seq)
		}
	}
	o.file = file
	if err := o.write(); o.file == nil {
		return nil, ignored, err
	}
	return o, ignored, nil
}

// Close writes what is not on the disk yet. Closing twice is fine.
func (o *Outbox) Close() error {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return nil
	}
	o.closed = true
	if o.timer != nil && o.timer.Stop() {
		o.timers.Done()
	}
	err := o.write()
	file := o.file
	o.file = nil
	o.mu.Unlock()
	o.timers.Wait()
	if file != nil {
		err = errors.Join(err, file.sync(), file.close())
	}
	return err
}

// Trouble is why the disk does not have what the outbox holds; nil when it has.
func (o *Outbox) Trouble() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.trouble
}

// Commit takes messages for a sink, in their order, and the state that goes with them: all of it, or after a kill nothing.
// An Update that still waits is replaced by a newer one of the same incident, a Digest takes in a newer one.
func (o *Outbox) Commit(sink string, now time.Time, b Batch) error {
	if err := b.check(sink, now); err != nil {
		return err
	}
	return o.change(func() {
		s := o.shelves[sink]
		if s == nil {
			s = newShelf()
			o.shelves[sink] = s
		}
		s.gone = false
		for _, m := range b.Messages {
			if s.add(o.seq+1, now, m) {
				o.seq++
			}
		}
		s.fit(o.most)
		for key, state := range b.Incidents {
			s.unsavedI[key] = true
			if state == nil {
				delete(s.incidents, key)
			} else {
				s.incidents[key] = bytes.Clone(state)
			}
		}
	})
}

// check finds what the file can never take, so that it does not stand in the way of the rest.
func (b Batch) check(sink string, now time.Time) error {
	if sink == "" || len(sink) > longestName {
		return fmt.Errorf("outbox: sink %.20q: the name is empty or too long", sink)
	}
	for key := range b.Incidents {
		if key == "" || len(key) > longestName {
			return fmt.Errorf("outbox: incident %.20q of %s: the key is empty or too long", key, sink)
		}
	}
	for _, m := range b.Messages {
		if _, err := encodeEntry(sink, Entry{Message: m, QueuedAt: now}); err != nil {
			return fmt.Errorf("outbox: message %s to %s: %w", m.ID, sink, err)
		}
	}
	return nil
}

// Incidents is the state that came with the batches of a sink.
func (o *Outbox) Incidents(sink string) map[string][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := map[string][]byte{}
	if s := o.shelves[sink]; s != nil {
		for key, state := range s.incidents {
			all[key] = bytes.Clone(state)
		}
	}
	return all
}

// Next is the oldest message of a sink that has not failed for good; those behind it wait. While one is in hand, there is
// none.
func (o *Outbox) Next(sink string) (Entry, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next(sink)
}

func (o *Outbox) next(sink string) (Entry, bool) {
	s := o.shelves[sink]
	if s == nil || o.closed || s.inHand != 0 {
		return Entry{}, false
	}
	for _, e := range s.entries {
		if e.FailedAt.IsZero() {
			return e, true
		}
	}
	return Entry{}, false
}

// Take is Next, as it is now, into the hands of the caller: until Delivered, Tried, Failed or Back nothing is merged into
// it. ok is false when the next one is not that one any more.
func (o *Outbox) Take(sink string, seq uint64) (e Entry, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e, ok = o.next(sink); !ok || e.Seq != seq {
		return Entry{}, false
	}
	o.shelves[sink].inHand = seq
	return e, true
}

// Back puts a message that was taken back without a try.
func (o *Outbox) Back(sink string, seq uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.shelves[sink]; s != nil && s.inHand == seq {
		s.inHand = 0
	}
}

// Delivered forgets a message.
func (o *Outbox) Delivered(sink string, seq uint64) error {
	return o.settle(sink, seq, func(s *shelf, i int) { s.remove(i) })
}

// Tried notes a try in vain, and when the next one is due.
func (o *Outbox) Tried(sink string, seq uint64, now time.Time, why error, next time.Time) error {
	return o.settle(sink, seq, func(s *shelf, i int) {
		s.entries[i].tried(now, why)
		s.entries[i].NextTry = next
		s.entries[i].Bound = errors.As(why, new(news.Delay))
	})
}

// Failed notes that a message will never be delivered by itself. It stays to be listed and retried by hand.
func (o *Outbox) Failed(sink string, seq uint64, now time.Time, why error) error {
	return o.settle(sink, seq, func(s *shelf, i int) {
		s.entries[i].tried(now, why)
		s.entries[i].NextTry, s.entries[i].Bound, s.entries[i].FailedAt = time.Time{}, false, now
		s.dropFailed(s.failed() - o.mostFailed)
	})
}

func (e *Entry) tried(now time.Time, why error) {
	e.Attempts++
	e.LastTry, e.LastError = now, why.Error()
	if e.FirstTry.IsZero() {
		e.FirstTry = now
	}
}

// settle is the end of having a message in hand. One that is not there any more, because its sink was forgotten, is fine.
func (o *Outbox) settle(sink string, seq uint64, how func(s *shelf, i int)) error {
	return o.change(func() {
		s := o.shelves[sink]
		if s == nil {
			return
		}
		if s.inHand == seq {
			s.inHand = 0
		}
		if i, ok := s.find(seq); ok {
			s.touch(seq)
			how(s, i)
		}
	})
}

// Waiting is how much there is for a sink.
func (o *Outbox) Waiting(sink string) (w Waiting) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.shelves[sink]
	if s == nil {
		return w
	}
	w.Failed = s.failed()
	w.Pending = len(s.entries) - w.Failed
	for _, e := range s.entries {
		again := e.Message.Kind == news.Update || e.Message.Kind == news.Digest
		if e.FailedAt.IsZero() && !again && e.QueuedAt.After(w.Newest) {
			w.Newest = e.QueuedAt
		}
	}
	return w
}

// List is everything that waits and everything that failed, by sink and in the order of each.
func (o *Outbox) List() []Listed {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []Listed
	for _, sink := range slices.Sorted(maps.Keys(o.shelves)) {
		for _, e := range o.shelves[sink].entries {
			all = append(all, Listed{Sink: sink, Entry: e})
		}
	}
	return all
}

// Retry makes the messages of a sink, or of all sinks when it is "", due at once; those that failed for good are as if they
// were new, in their old places. n is how many there are. The couriers have to be woken.
func (o *Outbox) Retry(sink string, now time.Time) (n int, err error) {
	err = o.change(func() {
		for name, s := range o.shelves {
			for i := range s.entries {
				e := &s.entries[i]
				if sink != "" && sink != name || e.Seq == s.inHand {
					continue
				}
				if !e.FailedAt.IsZero() {
					e.Attempts, e.QueuedAt, e.FailedAt = 0, now, time.Time{}
				}
				e.NextTry, e.Bound = time.Time{}, false
				s.touch(e.Seq)
				n++
			}
		}
	})
	return n, err
}

// Keep forgets everything of sinks that are not among these.
func (o *Outbox) Keep(sinks []string) error {
	return o.change(func() {
		for name, s := range o.shelves {
			if !slices.Contains(sinks, name) {
				*s = *newShelf()
				s.anew, s.gone = true, true
			}
		}
	})
}

// change changes what memory holds, and then the file.
func (o *Outbox) change(how func()) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return fmt.Errorf("outbox %s: %w", o.path, os.ErrClosed)
	}
	how()
	return o.write()
}
