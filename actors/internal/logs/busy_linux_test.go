package logs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestABusyPipeIsWatchedAgainWhenItIsQuiet also has epoll refuse it for a while, as without memory.
func TestABusyPipeIsWatchedAgainWhenItIsQuiet(t *testing.T) {
	p := newPump(t)
	var c Counter
	s, w := attach(t, p, open(t, p, FileOptions{Path: logPath(t)}), &c)
	watched := func() (m mode) {
		asked := make(chan struct{})
		p.post(func() {
			m = s.mode
			close(asked)
		})
		<-asked
		return m
	}
	lines := int64(0)
	more := func(text string) {
		write(t, w, text)
		lines += int64(strings.Count(text, "\n"))
		eventually(t, fmt.Sprintf("the file has %.20q", text), func() bool { return c.Logged.Load() == lines })
	}
	for range 3 {
		more(strings.Repeat(strings.Repeat("x", 99)+"\n", 50_000))
		eventually(t, "it is watched", func() bool { return watched() == once })
		more("a line\n")
		write(t, w, "part")
		eventually(t, "its part is watched", func() bool { return watched() == edge })
		more(" of a line\n")
	}
	want(t, "hot", true, s.hot)

	eventually(t, "it is watched", func() bool { return watched() == once })
	p.post(func() { s.mode = out }) // and epoll says that it has it
	more("one that wakes it\n")
	more("another\n")
	want(t, "refused", out, watched())
	p.post(func() { _ = p.epoll.Control(unix.EPOLL_CTL_DEL, int(s.fd), nil) })
	eventually(t, "it is watched", func() bool { return watched() == once })
	more("the last\n")
}

func TestABusyPipeIsLeftAloneWhileAProcessIsStarted(t *testing.T) {
	p := newPump(t)
	s, w := attach(t, p, open(t, p, FileOptions{Path: logPath(t)}), nil)
	ready, napping := make(chan bool), make(chan bool)
	p.post(func() {
		p.now = time.Now()
		p.next(s, largeBatch)
		ready <- s.state == queued
		p.Yield()
		s.state, s.fast, s.stunted = asleep, true, true
		p.next(s, largeBatch)
		napping <- len(p.naps[0].streams) == 1
	})
	want(t, "at once", true, <-ready)
	want(t, "later", true, <-napping)
	write(t, w, "a line\n")
	eventually(t, "the line is in the file", func() bool { return s.counter.Logged.Load() == 1 })
}
