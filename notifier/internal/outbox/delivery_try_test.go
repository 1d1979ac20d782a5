package outbox

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

func TestAChannelIsToldWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deliver(t, func(ctx context.Context, _ news.Message) error {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) != sendTimeout {
				t.Errorf("the deadline is %s", deadline)
			}
			<-ctx.Done()
			return ctx.Err()
		})
		d.commit(tidings(news.First, "1", "web"))
		d.after(17*time.Second, "0s send 1", "15s failing 1: context deadline exceeded", "16s send 1")
	})
}

// TestAChannelThatHangs keeps the courier for 20 seconds, and no more than two goroutines.
func TestAChannelThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		d := deliver(t, func(context.Context, news.Message) error {
			<-hold
			return nil
		})
		d.commit(tidings(news.First, "1", "web"))
		d.after(5*time.Minute, "0s send 1", "20s failing 1: no answer after 20s", "21s send 1")
		if s := d.State(); s.LastError != "the tries before this one hang" || d.o.List()[0].Attempts < 10 {
			t.Errorf("state %+v, entry %+v", s, d.o.List()[0])
		}
		close(hold)
		log := d.past(10 * time.Minute)
		if len(log) != 2 || !strings.HasSuffix(log[0], "send 1") || !strings.HasSuffix(log[1], "works 1") || d.stuck != 0 {
			t.Errorf("after that: %v, %d hang", log, d.stuck)
		}
	})
}

func TestAChannelThatPanicsOrEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []func(){func() { panic("oh") }, func() { _ = strings.Repeat("x", -len(t.Name())) }, runtime.Goexit, func() {}}
		d := deliver(t, func(context.Context, news.Message) error {
			how := answers[0]
			answers = answers[1:]
			how()
			return nil
		})
		d.commit(tidings(news.First, "1", "web"))
		d.after(2*time.Second, "0s send 1", "0s failing 1: the channel panicked: oh", "1s send 1")
		if s := d.State(); !strings.Contains(s.LastError, "negative Repeat count") {
			t.Errorf("state %+v", s)
		}
		d.after(4*time.Second, "3s send 1")
		if s := d.State(); s.LastError != errGone.Error() {
			t.Errorf("state %+v", s)
		}
		d.after(time.Minute, "7s send 1", "7s works 1")
	})
}
