package logs

import (
	"cmp"
	"os"
	"sync"
	"time"

	"github.com/dcousineau/phorever/actors/internal/forward"
)

// Target is where lines go besides their file.
type Target = forward.Target

// ways are the forwarders of all files: one for each target. Its methods are safe for concurrent use.
type ways struct {
	rest time.Duration // in place of unused, for tests

	mu     sync.Mutex
	all    map[Target]*way
	closed bool
	ends   sync.WaitGroup // of ways that nobody used
}

// way is the forwarder of one target, for all files that use it.
type way struct {
	*forward.Forwarder
	target Target
	files  int // this and the next are guarded by ways.mu
	end    *time.Timer
}

const (
	// lastSending is how long an end waits for what was not sent yet.
	lastSending = 300 * time.Millisecond
	// unused is how long a target that no file uses keeps its forwarder: a process that starts again, or a reload that gives it to another
	// file, goes on with the lines that are held.
	unused = time.Minute
)

// to are the ways to some targets. Each is in use until it is left.
func (w *ways) to(targets []Target, tell func(Note) bool) (found []*way) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, target := range targets {
		y := w.all[target]
		if y == nil && !w.closed {
			host, _ := os.Hostname()
			f := forward.New(target, forward.Options{Host: host, Hear: func(n forward.Note) { tellOf(n, tell) }})
			y = &way{Forwarder: f, target: target}
			if w.all == nil {
				w.all = map[Target]*way{}
			}
			w.all[target] = y
		}
		if y == nil {
			continue
		}
		if y.files++; y.end != nil {
			y.end.Stop()
			y.end = nil
		}
		found = append(found, y)
	}
	return found
}

// leave gives up the ways of one file. One that no file takes up again is closed after a while.
func (w *ways) leave(left []*way) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, y := range left {
		if y.files--; y.files == 0 && !w.closed {
			y.end = time.AfterFunc(cmp.Or(w.rest, unused), func() { w.drop(y) })
		}
	}
}

// exchange leaves the ways of one file for those to other targets.
func (w *ways) exchange(old []*way, targets []Target, tell func(Note) bool) []*way {
	found := w.to(targets, tell)
	w.leave(old)
	return found
}

// drop closes a way that is still not used.
func (w *ways) drop(y *way) {
	w.mu.Lock()
	if w.closed || y.files > 0 || w.all[y.target] != y {
		w.mu.Unlock()
		return
	}
	delete(w.all, y.target)
	w.ends.Add(1)
	w.mu.Unlock()
	defer w.ends.Done()
	y.Close(lastSending)
}

// tellOf tells of a target as of a file.
func tellOf(n forward.Note, tell func(Note) bool) {
	switch n := n.(type) {
	case forward.Failing:
		tell(Trouble{n.Target.String(), "takes no lines, they are held", n.Err})
	case forward.Dropping:
		tell(Dropping{Path: n.Target.String(), Why: n.Why})
	case forward.Working:
		if n.Dropped > 0 {
			tell(Dropped{Path: n.Target.String(), Lines: n.Dropped, Why: n.Why, From: n.From, To: n.To})
		} else {
			tell(Trouble{n.Target.String(), "takes lines again, none was dropped", nil})
		}
	}
}

// close sends what can still be sent. Nothing is forwarded afterwards.
func (w *ways) close() {
	w.mu.Lock()
	all := w.all
	w.all, w.closed = nil, true
	w.mu.Unlock()
	for _, y := range all {
		w.ends.Go(func() { y.Close(lastSending) })
	}
	w.ends.Wait()
}

// offer forwards lines, or a part of a line that is long.
func offer(to []*way, stream string, at time.Time, text []byte) {
	if len(to) == 0 || len(text) == 0 {
		return
	}
	o := originOf(stream)
	for _, y := range to {
		y.Offer(forward.Source{Process: o.process, Clone: o.clone, Run: o.run, Stream: o.stream}, at, text)
	}
}
