package forward

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// Target is where lines go.
type Target = spec.LogTarget

// stderrStream is the Source.Stream of standard error.
const stderrStream = "stderr"

// Options are what a Forwarder needs besides its target. The zero value is good.
type Options struct {
	Buffer int              // bytes of lines that are kept while the target is away; 1 MiB if it is 0, and 4 KiB at least
	Host   string           // of syslog messages; without one they have none
	Now    func() time.Time // the time of notes; time.Now if it is nil
	Stdout *os.File         // what the target stdout is; os.Stdout if it is nil
	Stderr *os.File         // what the target stderr is; os.Stderr if it is nil
	Hear   func(Note)       // is told what happens, by the forwarder's goroutine; it must not block, and may call Offer
}

const (
	defaultBuffer = 1 << 20
	leastBuffer   = 4 << 10
	batchSize     = 64 << 10 // bytes of messages that are made at once
	mostKept      = 4 * batchSize
)

// grace is how long Close waits for a goroutine that was told to stop at once, to say how far it got.
const grace = 100 * time.Millisecond

// Forwarder sends lines to one target. All its methods may be called by any goroutine.
type Forwarder struct {
	target  Target
	options Options
	pace    tempo
	queue   *queue

	ctx     context.Context // of everything that can take time
	stop    context.CancelFunc
	closing chan struct{}
	once    sync.Once
	done    chan struct{}

	// What follows is the goroutine's.
	sink    sink
	isOpen  bool
	opened  time.Time
	delay   time.Duration // before the next try
	hurried bool          // the try that Close asks for was made
	trouble trouble

	at      cursor   // the first line that was not sent
	batch   []byte   // messages
	ends    []int    // of messages, in the batch
	after   []cursor // behind each message
	scratch []byte   // a line that goes over the ring's edge
}

// New starts to forward to a target that spec.ParseLogTarget made; the zero Target is stdout. It connects once there is something to send.
func New(t Target, o Options) *Forwarder { return start(t, o, usual) }

func start(t Target, o Options, pace tempo) *Forwarder {
	if o.Buffer == 0 {
		o.Buffer = defaultBuffer
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Hear == nil {
		o.Hear = func(Note) {}
	}
	f := &Forwarder{
		target: t, options: o, pace: pace,
		queue:   newQueue(max(leastBuffer, o.Buffer), o.Now),
		closing: make(chan struct{}), done: make(chan struct{}),
		sink: newSink(t, o, pace), delay: pace.first,
	}
	f.ctx, f.stop = context.WithCancel(context.Background())
	go f.run()
	return f
}

// Offer takes whole lines, each ended by \n; a last one without it is a line too. It copies them and never waits for the target:
// what does not fit is dropped and counted. A time that is zero is one that nobody knows.
func (f *Forwarder) Offer(s Source, at time.Time, text []byte) { f.queue.offer(s, at, text) }

// Counts is how many lines were sent and dropped. Those that wait are neither.
func (f *Forwarder) Counts() (sent, dropped int64) { return f.queue.counts() }

// Close sends what is waiting, in so long and hardly longer, and counts the rest as dropped, as well as all that is offered
// afterwards.
func (f *Forwarder) Close(within time.Duration) {
	f.once.Do(func() {
		f.queue.close()
		close(f.closing)
	})
	if f.ended(within) {
		return
	}
	f.stop()
	if !f.ended(grace) {
		f.queue.finish(0) // it hangs in a write that nothing can end
	}
}

func (f *Forwarder) ended(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-f.done:
		return true
	case <-timer.C:
		return false
	}
}

func (f *Forwarder) run() {
	defer close(f.done)
	defer f.end()
	for f.wait() {
		err := f.pass()
		if f.ctx.Err() != nil {
			return
		}
		if err == nil {
			f.trouble.failing = false
			f.report()
		} else if !f.recover(err) {
			return
		}
	}
}

// end counts what will not be sent any more.
func (f *Forwarder) end() {
	again := 0
	if f.isOpen {
		f.sink.shut(false)
	} else {
		again = f.sink.again()
	}
	f.queue.finish(again)
	f.stop()
}

// wait waits for something to send. It is false when there will be nothing.
func (f *Forwarder) wait() bool {
	for check := f.pace.check; f.ctx.Err() == nil; check = min(2*check, f.pace.last) {
		end, closed := f.queue.state(&f.at)
		if end > f.at.pos || !f.isOpen && f.sink.again() > 0 {
			return true
		}
		var timer <-chan time.Time // nil: nothing to look after
		if f.isOpen {
			pending, err := f.sink.settle()
			if err != nil {
				return true // the next write finds it too
			}
			if closed {
				check = min(check, f.pace.first/10) // somebody waits
			}
			if pending {
				timer = time.After(check)
				closed = false
			}
		}
		if closed {
			return false
		}
		select {
		case <-f.queue.wake:
			f.report()
		case <-timer:
		case <-f.closing:
			if timer != nil { // a channel that stays ready is no way to wait
				select {
				case <-timer:
				case <-f.ctx.Done():
				}
			}
		case <-f.ctx.Done():
		}
	}
	return false
}

// pass connects if it has to, and sends a batch.
func (f *Forwarder) pass() error {
	if !f.isOpen {
		if err := f.sink.open(f.ctx); err != nil {
			return err
		}
		f.isOpen, f.opened = true, time.Now()
	}
	f.fill()
	if len(f.ends) == 0 {
		_, err := f.sink.settle()
		return err
	}
	done, err := f.sink.write(f.batch, f.ends)
	unsendable := 0
	if errors.Is(err, errUnsendable) {
		f.trouble.why = err
		unsendable, err = 1, nil
	}
	if n := done + unsendable; n > 0 {
		f.at = f.after[n-1]
		f.queue.release(&f.at, done, unsendable)
	}
	return err
}

// fill makes the messages of the next lines.
func (f *Forwarder) fill() {
	if cap(f.batch) > mostKept {
		f.batch = nil
	}
	if cap(f.scratch) > mostKept {
		f.scratch = nil
	}
	f.batch, f.ends, f.after = f.batch[:0], f.ends[:0], f.after[:0]
	end, _ := f.queue.state(&f.at)
	dress, at := f.sink.dress(), f.at
	for len(f.batch) < batchSize {
		text, ok := f.queue.line(&at, end, &f.scratch)
		if !ok {
			return
		}
		f.batch = dress(f.batch, &at, text)
		f.ends, f.after = append(f.ends, len(f.batch)), append(f.after, at)
	}
}

// recover puts a failure behind us, to try again after a while. It is false when there is no time left for that.
func (f *Forwarder) recover(err error) bool {
	if f.isOpen {
		f.sink.shut(true)
		f.isOpen = false
		if time.Since(f.opened) >= f.pace.last {
			f.delay = f.pace.first
			if errors.Is(err, errGone) {
				return true // a connection that was closed while nobody used it: nobody needs to hear of that
			}
		}
	}
	f.failed(err)
	pause := f.delay/2 + rand.N(f.delay)
	f.delay = min(2*f.delay, f.pace.last)
	return f.pause(pause)
}

// pause waits for the next try, and tells meanwhile of lines that begin to be dropped. Close is worth a try at once.
func (f *Forwarder) pause(length time.Duration) bool {
	timer := time.NewTimer(length)
	defer timer.Stop()
	closing := f.closing
	if f.hurried {
		closing = nil
	}
	for {
		f.report()
		select {
		case <-timer.C:
			return true
		case <-closing:
			f.hurried, f.delay = true, f.pace.first
			return true
		case <-f.queue.wake:
		case <-f.ctx.Done():
			return false
		}
	}
}
