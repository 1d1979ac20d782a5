package actors

import (
	"errors"
	"os"
	"sync"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier"
)

const (
	// mostFed is how many events may wait for a listener before the oldest are lost.
	mostFed = 1000
	// feedWait is how long a listener may take to read an event, or to say what became of it.
	feedWait = 30 * time.Second
)

// feed brings events to one incarnation of a listener, by pipes. What it has begun to send to one that ends goes to the next one.
type feed struct {
	queue *backlog
	talk  notifier.Talk
	hung  func(why string)

	mu     sync.Mutex
	in     *os.File // our end of its standard input
	out    *os.File // and of its output, nil where nothing is asked
	closed bool
	over   chan struct{}
}

func newFeed(queue *backlog, talk notifier.Talk, hung func(string)) *feed {
	return &feed{queue: queue, talk: talk, hung: hung, over: make(chan struct{})}
}

// open makes the pipes, and answers the ends that are the listener's.
func (f *feed) open() (stdin, stdout *os.File, err error) {
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	var out *os.File
	if f.talk.Answers() {
		if out, stdout, err = os.Pipe(); err != nil {
			_, _ = stdin.Close(), in.Close()
			return nil, nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.in, f.out = in, out
	if f.closed {
		f.shut()
	} else {
		go f.run(in, out)
	}
	return stdin, stdout, nil
}

// close ends the feed: the listener reads the end of its input.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		close(f.over)
		f.shut()
	}
}

// shut closes our ends. The caller holds mu.
func (f *feed) shut() {
	for _, end := range []*os.File{f.in, f.out} {
		if end != nil {
			_ = end.Close()
		}
	}
}

func (f *feed) run(in, out *os.File) {
	said := make(chan notifier.Said, 16)
	if out != nil {
		go f.listen(out, said)
	}
	for {
		if out != nil {
			if word, ok := f.await(said, 0); !ok || word != notifier.Ready {
				f.outOfTurn(ok)
				return
			}
		}
		r, text, ok := f.next()
		if !ok {
			return
		}
		_ = in.SetWriteDeadline(time.Now().Add(feedWait))
		if _, err := in.Write(text); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				f.hung("it has read nothing for " + feedWait.String())
			}
			return // else it has ended, and somebody hears of that
		}
		if out != nil {
			word, ok := f.await(said, feedWait)
			if !ok || word == notifier.Ready {
				f.outOfTurn(ok)
				return
			}
			if word == notifier.Failed { // it gets the event again
				if !f.rest() {
					return
				}
				continue
			}
		}
		f.queue.done(r.ID)
	}
}

// next waits for an event that has a form in this protocol.
func (f *feed) next() (r event.Record, text []byte, ok bool) {
	for {
		r, ok = f.queue.first()
		if ok {
			if text = f.talk.Encode(r); text != nil {
				return r, text, true
			}
			f.queue.done(r.ID)
			continue
		}
		select {
		case <-f.queue.more:
		case <-f.over:
			return r, nil, false
		}
	}
}

// await waits for a word of the listener; without a limit for 0.
func (f *feed) await(said <-chan notifier.Said, limit time.Duration) (word notifier.Said, ok bool) {
	var late <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case word, ok = <-said:
		return word, ok
	case <-late:
		f.hung("it has not said for " + limit.String() + " what became of an event")
	case <-f.over:
	}
	return 0, false
}

func (f *feed) outOfTurn(said bool) {
	if said {
		f.hung("it has answered out of turn")
	}
}

// rest waits a little before an event is sent again.
func (f *feed) rest() bool {
	select {
	case <-time.After(time.Second):
		return true
	case <-f.over:
		return false
	}
}

// listen turns what comes into words, until that is no word.
func (f *feed) listen(out *os.File, said chan<- notifier.Said) {
	defer close(said)
	buffer := make([]byte, 4096)
	for {
		n, err := out.Read(buffer)
		words, wrong := f.talk.Hear(buffer[:n])
		for _, word := range words {
			select {
			case said <- word:
			case <-f.over:
				return
			}
		}
		if wrong != nil {
			f.hung(wrong.Error())
		}
		if err != nil || wrong != nil {
			return
		}
	}
}
