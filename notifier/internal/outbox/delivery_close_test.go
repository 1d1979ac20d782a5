package outbox

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

func TestCloseLetsTheMessageInHandArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deliver(t, func(context.Context, news.Message) error {
			time.Sleep(3 * time.Second)
			return nil
		})
		d.commit(tidings(news.First, "1", "web"), tidings(news.First, "2", "db"))
		d.after(time.Second, "0s send 1")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		d.Close(ctx)
		d.Close(ctx)
		if took := time.Since(d.begin); took != 3*time.Second {
			t.Errorf("it took %s", took)
		}
		d.Wake()
		d.after(time.Minute)
		wantIDs(t, d.o, "ops", "2")
	})
}

// TestCloseDoesNotWaitForEver: the message stays in the outbox as it was, in nobody's hand.
func TestCloseDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		var cause error
		d := deliver(t, func(ctx context.Context, _ news.Message) error {
			<-ctx.Done()
			cause = ctx.Err()
			<-hold
			return nil
		})
		d.commit(tidings(news.First, "1", "web"))
		d.after(time.Second, "0s send 1")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		d.Close(ctx)
		if took := time.Since(d.begin); took != 6*time.Second {
			t.Errorf("it took %s", took)
		}
		d.after(0)
		if !errors.Is(cause, context.Canceled) {
			t.Errorf("the channel was told %v", cause)
		}
		if e := take(t, d.o, "ops"); e.Attempts != 0 {
			t.Errorf("the entry is %+v", e)
		}
		close(hold)
	})
}

func TestCloseEndsAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deliver(t, func(context.Context, news.Message) error { return errDown })
		d.commit(tidings(news.First, "1", "web"))
		d.past(10*time.Minute - 1)
		before := time.Now()
		d.Close(t.Context())
		if took := time.Since(before); took != 0 {
			t.Errorf("it took %s", took)
		}
		d.after(time.Hour)
		if e := d.o.List()[0]; e.Attempts < 10 {
			t.Errorf("the entry is %+v", e)
		}
	})
}
