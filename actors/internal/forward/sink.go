package forward

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// sink is one way to send messages. Only the forwarder's goroutine calls it.
type sink interface {
	// open connects. It and what follows end soon after the context does.
	open(ctx context.Context) error
	// dress is the form of messages, once it is open.
	dress() dress
	// write sends the messages that end at ends, and says how many it sent whole. errUnsendable is about the next one.
	write(batch []byte, ends []int) (done int, err error)
	// settle says whether some of what was sent may yet have to be sent again, or why it has to.
	settle() (pending bool, err error)
	// again is how many messages were sent and have to be sent again when it is opened.
	again() int
	// shut closes. broken says that what was sent may not have arrived.
	shut(broken bool)
}

var (
	// errUnsendable is about one message: the target works.
	errUnsendable = errors.New("the message is too long for the target")
	// errGone is a peer that closed its connection while there was nothing to send.
	errGone = errors.New("closed by the other side")
	// errSlow is why lines are dropped while nothing fails.
	errSlow = errors.New("it is too slow")
)

// tempo is how patient a forwarder is.
type tempo struct {
	patience    time.Duration // with one write, or a connection
	first, last time.Duration // between tries
	check       time.Duration // until a look at what was sent, at first
}

var usual = tempo{patience: 5 * time.Second, first: 100 * time.Millisecond, last: 10 * time.Second, check: 100 * time.Millisecond}

// newSink is the sink of a target.
func newSink(t Target, o Options, pace tempo) sink {
	message := syslogMessage(t.Facility, o.Host)
	switch t.Scheme {
	case spec.TargetSyslog:
		return newLocal(t.Address, message, pace)
	case spec.TargetSyslogUDP:
		return &packets{network: "udp", address: t.Address, message: message, limit: mostUDP, pace: pace}
	case spec.TargetSyslogTCP:
		return &stream{network: "tcp", address: t.Address, message: counted(bounded(message)), pace: pace}
	case spec.TargetJournald:
		return &packets{network: "unixgram", address: t.Address, message: journalEntry, limit: unlimited, large: sendMemory, pace: pace}
	case spec.TargetStderr:
		return &console{file: o.Stderr, pace: pace}
	}
	return &console{file: o.Stdout, pace: pace}
}

// leash closes c when the context ends, which wakes whoever waits for it.
func leash(ctx context.Context, c io.Closer) (release func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.Close() })
}

// deadliner is a connection, or a file that may have no deadlines.
type deadliner interface {
	io.Writer
	SetWriteDeadline(time.Time) error
}

// push writes everything as long as each write gets somewhere in time.
func push(w deadliner, data []byte, patience time.Duration) (n int, err error) {
	for n < len(data) {
		_ = w.SetWriteDeadline(time.Now().Add(patience)) // a file without deadlines goes without
		m, err := w.Write(data[n:])
		n += m
		if err != nil && (m == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return n, err
		}
	}
	return n, nil
}

// within is how many of the messages that end at ends are in the first n bytes.
func within(ends []int, n int) int {
	done := 0
	for done < len(ends) && ends[done] <= n {
		done++
	}
	return done
}
