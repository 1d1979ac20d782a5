package logs

import (
	"os"
	"sync"
	"time"

	"github.com/dcousineau/phorever/actors/internal/forward"
)

// Target is where lines go besides their file.
type Target = forward.Target

// ways are the forwarders of all files: one for each target. Its methods are safe for concurrent use.
type ways struct {
	mu     sync.Mutex
	all    map[Target]*forward.Forwarder
	closed bool
}

// lastSending is how long an end waits for what was not sent yet.
const lastSending = 300 * time.Millisecond

// to are the forwarders to some targets.
func (w *ways) to(targets []Target, tell func(Note) bool) (found []*forward.Forwarder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, target := range targets {
		f := w.all[target]
		if f == nil && !w.closed {
			host, _ := os.Hostname()
			f = forward.New(target, forward.Options{Host: host, Hear: func(n forward.Note) { tellOf(n, tell) }})
			if w.all == nil {
				w.all = map[Target]*forward.Forwarder{}
			}
			w.all[target] = f
		}
		if f != nil {
			found = append(found, f)
		}
	}
	return found
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
	var ends sync.WaitGroup
	for _, f := range all {
		ends.Go(func() { f.Close(lastSending) })
	}
	ends.Wait()
}

// offer forwards lines, or a part of a line that is long.
func offer(to []*forward.Forwarder, stream string, at time.Time, text []byte) {
	if len(to) == 0 || len(text) == 0 {
		return
	}
	o := originOf(stream)
	for _, f := range to {
		f.Offer(forward.Source{Process: o.process, Clone: o.clone, Run: o.run, Stream: o.stream}, at, text)
	}
}
