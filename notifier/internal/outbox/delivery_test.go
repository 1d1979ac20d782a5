package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

// channelFunc is a channel that is a function.
type channelFunc func(ctx context.Context, m news.Message) error

func (f channelFunc) Send(ctx context.Context, m news.Message) (string, error) {
	return "ok", f(ctx, m)
}

var errDown = errors.New("connection refused")

// delivery is a courier of the sink "ops" in a bubble of its own time, and what it did: "12s send 1", "12s failing 1: why".
type delivery struct {
	*Courier
	t     *testing.T
	o     *Outbox
	begin time.Time
	hooks Hooks

	mu  sync.Mutex
	log []string
}

func deliver(t *testing.T, channel channelFunc) *delivery {
	t.Helper()
	d := &delivery{t: t, o: newOutbox(t), begin: time.Now()}
	d.hooks = Hooks{
		Failing: func(sink string, m news.Message, err error, final bool) {
			d.note(fmt.Sprint(map[bool]string{true: "failed ", false: "failing "}[final], m.ID, ": ", err))
		},
		Works:   func(sink string, m news.Message) { d.note("works " + m.ID) },
		Trouble: func(err error) { d.note(err.Error()) },
		Jitter:  func() float64 { return 0 },
	}
	d.Courier = NewCourier("ops", channelFunc(func(ctx context.Context, m news.Message) error {
		d.note("send " + m.ID)
		return channel(ctx, m)
	}), d.o, d.hooks)
	t.Cleanup(func() { d.Close(context.Background()) })
	return d
}

func (d *delivery) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, time.Since(d.begin).String()+" "+what)
}

// commit brings messages and wakes the courier.
func (d *delivery) commit(messages ...news.Message) {
	d.t.Helper()
	if err := d.o.Commit("ops", time.Now(), Batch{Messages: messages}); err != nil {
		d.t.Fatal(err)
	}
	d.Wake()
}

// past lets time pass, and returns what has happened since the last look.
func (d *delivery) past(wait time.Duration) (log []string) {
	time.Sleep(wait)
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	log, d.log = d.log, nil
	return log
}

// after lets time pass, and compares what has happened since the last look.
func (d *delivery) after(wait time.Duration, want ...string) {
	d.t.Helper()
	if diff := cmp.Diff(want, d.past(wait)); diff != "" {
		d.t.Errorf("after %s (-want +got):\n%s", time.Since(d.begin), diff)
	}
}

// service is a channel that answers what it is told to.
type service struct {
	mu     sync.Mutex
	answer error
}

func (s *service) set(answer error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *service) send(context.Context, news.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answer
}

func TestMessagesArriveInTheirOrderAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deliver(t, func(context.Context, news.Message) error { return nil })
		d.Wake()
		d.after(0)
		d.commit(tidings(news.First, "1", "web"), tidings(news.First, "2", "db"), tidings(news.Update, "3", "web"))
		d.after(0, "0s send 1", "0s send 2", "0s send 3")
		if d.done != nil {
			t.Error("it has a goroutine while nothing waits")
		}
		d.commit(tidings(news.End, "4", "web"))
		d.after(time.Hour, "0s send 4")
		wantIDs(t, d.o, "ops")
		if diff := cmp.Diff(State{}, d.State()); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
	})
}

// TestManyWritersAndOneCourier in real time: nothing is lost between a Commit and a courier that is about to rest.
func TestManyWritersAndOneCourier(t *testing.T) {
	o := newOutbox(t)
	got := make(chan string, 200)
	c := NewCourier("ops", channelFunc(func(_ context.Context, m news.Message) error {
		got <- m.ID
		return nil
	}), o, Hooks{})
	for w := range 2 {
		go func() {
			for i := range 100 {
				if err := o.Commit("ops", noon, Batch{Messages: []news.Message{tidings(news.First, fmt.Sprintf("%d-%02d", w, i), "x")}}); err != nil {
					t.Error(err)
				}
				c.Wake()
			}
		}()
	}
	var all []string
	for limit := time.After(30 * time.Second); len(all) < 200; {
		select {
		case id := <-got:
			all = append(all, id)
		case <-limit:
			t.Fatalf("%d of 200 arrived", len(all))
		}
	}
	c.Close(context.Background())
	for w := range 2 {
		mine := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !strings.HasPrefix(id, fmt.Sprint(w)) })
		if !slices.IsSorted(mine) || len(mine) != 100 {
			t.Errorf("of writer %d arrived %v", w, mine)
		}
	}
}

// TestAWakeAtTheLastMomentIsHeard: the courier does not rest when somebody has called after it found nothing.
func TestAWakeAtTheLastMomentIsHeard(t *testing.T) {
	c := NewCourier("ops", channelFunc(func(context.Context, news.Message) error { return nil }), newOutbox(t), Hooks{})
	c.done = make(chan struct{}) // it works, and has just found nothing
	c.Wake()
	if c.rest() {
		t.Error("it rests")
	}
	if !c.rest() {
		t.Error("it does not rest")
	}
}

// TestRetriesOfAnOutage: once told of, tried less and less often, and told of again when it is over.
func TestRetriesOfAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: errDown}
		d := deliver(t, s.send)
		d.commit(tidings(news.First, "1", "web"), tidings(news.First, "2", "db"))
		d.after(59*time.Second, "0s send 1", "0s failing 1: connection refused", "1s send 1", "3s send 1", "7s send 1", "15s send 1",
			"25s send 1", "35s send 1", "45s send 1", "55s send 1")
		d.after(5*time.Minute, "1m5s send 1", "1m15s send 1", "1m35s send 1", "2m15s send 1", "3m15s send 1", "4m15s send 1", "5m15s send 1")
		want := State{Pending: 2, LastError: "connection refused", Since: d.begin, NextTry: d.begin.Add(6*time.Minute + 15*time.Second)}
		if diff := cmp.Diff(want, d.State()); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
		s.set(nil)
		d.after(2*time.Minute, "6m15s send 1", "6m15s works 1", "6m15s send 2")
		if diff := cmp.Diff(State{}, d.State()); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
	})
}

func TestAfterADayAMessageHasFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deliver(t, func(context.Context, news.Message) error { return errDown })
		d.commit(tidings(news.First, "1", "web"))
		tries := len(d.past(23 * time.Hour))
		d.commit(tidings(news.First, "2", "web"))
		tries += len(d.past(55 * time.Minute))
		if s := d.State(); s.Pending != 2 || s.Failed != 0 {
			t.Errorf("before a day has gone: %+v", s)
		}
		log := d.past(15 * time.Minute)
		if i := slices.IndexFunc(log, func(line string) bool { return strings.HasSuffix(line, "failed 1: connection refused") }); i < 1 || !strings.HasSuffix(log[i+1], "send 2") {
			t.Errorf("after a day: %v", log)
		}
		if tries < 24*60-60 || tries > 24*60+40 {
			t.Errorf("there were %d lines", tries)
		}
		if s := d.State(); s.Pending != 1 || s.Failed != 1 || !s.Since.Equal(d.begin) {
			t.Errorf("after a day: %+v", s)
		}
		if listed := d.o.List(); listed[0].LastError != "connection refused" || listed[0].FailedAt.Before(d.begin.Add(24*time.Hour)) {
			t.Errorf("after a day: %+v", listed[0])
		}
	})
}

// TestWhatIsNewDoesNotWaitForWhatIsOld, unless the service has asked for it, or it is only a repeat.
func TestWhatIsNewDoesNotWaitForWhatIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: errDown}
		d := deliver(t, s.send)
		d.commit(tidings(news.First, "1", "web"))
		d.past(12 * time.Minute) // there is a try every minute
		d.commit(tidings(news.Update, "2", "web"))
		d.after(5 * time.Second)
		d.commit(tidings(news.First, "3", "db"))
		d.after(15*time.Second, "12m5s send 1", "12m15s send 1")
		d.after(2*time.Minute, "12m25s send 1", "12m35s send 1", "12m45s send 1", "12m55s send 1", "13m55s send 1")
		s.set(news.Delay{After: 5 * time.Minute, Err: errDown})
		d.commit(tidings(news.First, "4", "mq"))
		d.after(0, "14m20s send 1")
		d.commit(tidings(news.First, "5", "mq"))
		d.after(4 * time.Minute)
		s.set(nil)
		d.after(2*time.Minute, "19m20s send 1", "19m20s works 1", "19m20s send 2", "19m20s send 3", "19m20s send 4", "19m20s send 5")
	})
}

func TestADelayIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []error{news.Delay{After: 42 * time.Second, Err: errDown}, news.Delay{After: 0, Err: errDown}, news.Delay{After: 24 * time.Hour, Err: errDown}, nil}
		d := deliver(t, func(context.Context, news.Message) error {
			answer := answers[0]
			answers = answers[1:]
			return answer
		})
		d.commit(tidings(news.First, "1", "web"))
		d.after(2*time.Hour, "0s send 1", "0s failing 1: connection refused", "42s send 1", "43s send 1", "1h0m43s send 1", "1h0m43s works 1")
	})
}

// TestARefusalDoesNotBlockThoseBehindIt and stays in the list.
func TestARefusalDoesNotBlockThoseBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deliver(t, func(_ context.Context, m news.Message) error {
			if m.ID < "3" {
				return news.Refusal{Err: errors.New("no such room")}
			}
			return nil
		})
		d.commit(tidings(news.First, "1", "web"), tidings(news.First, "2", "db"), tidings(news.First, "3", "mq"))
		d.after(0, "0s send 1", "0s failed 1: no such room", "0s send 2", "0s failed 2: no such room", "0s send 3", "0s works 3")
		wantIDs(t, d.o, "ops", "1", "2")
		if s := d.State(); s.Failed != 2 || s.Pending != 0 || !s.Since.IsZero() {
			t.Errorf("state %+v", s)
		}
		if n, err := d.o.Retry("ops", time.Now()); n != 2 || err != nil {
			t.Errorf("retry: %d, %v", n, err)
		}
		d.Wake()
		d.after(0, "0s send 1", "0s failed 1: no such room", "0s send 2", "0s failed 2: no such room")
	})
}

// TestWhatComesWhileItIsBeingSentIsNotLost: the update in hand is not the one that a newer update replaces.
func TestWhatComesWhileItIsBeingSentIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fresh []int
		d := deliver(t, func(_ context.Context, m news.Message) error {
			fresh = append(fresh, m.Fresh)
			time.Sleep(5 * time.Second)
			return nil
		})
		d.commit(tidings(news.Update, "1", "web"))
		d.after(time.Second, "0s send 1")
		d.commit(tidings(news.Update, "2", "web"), tidings(news.Update, "3", "web"))
		d.after(time.Minute, "5s send 3")
		if !slices.Equal(fresh, []int{1, 2}) {
			t.Errorf("the updates tell of %v events", fresh)
		}
	})
}

// TestAnOutageGoesOnAfterARestart: it is not told of twice, but its end is.
func TestAnOutageGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answer: errDown}
		d := deliver(t, s.send)
		d.commit(tidings(news.First, "1", "web"))
		d.after(2*time.Second, "0s send 1", "0s failing 1: connection refused", "1s send 1")
		d.Close(context.Background())
		d.o = reopen(t, d.o)
		d.Courier = NewCourier("ops", d.channel, d.o, d.hooks)
		if s := d.State(); s.Since.Unix() != d.begin.Unix() || s.LastError != "connection refused" {
			t.Errorf("state %+v", s)
		}
		d.Wake()
		d.after(4*time.Second, "3s send 1")
		s.set(nil)
		d.after(4*time.Second, "7s send 1", "7s works 1")
		d.Close(context.Background())
	})
}

// TestAClockThatWasSetBack does not make anybody wait for a year.
func TestAClockThatWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deliver(t, func(context.Context, news.Message) error { return nil })
		future := time.Now().Add(365 * 24 * time.Hour)
		if err := d.o.Commit("ops", future, Batch{Messages: []news.Message{tidings(news.First, "1", "web")}}); err != nil {
			t.Fatal(err)
		}
		if err := d.o.Tried("ops", take(t, d.o, "ops").Seq, future, errDown, future.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		d.Wake()
		d.after(time.Second, "0s send 1")
	})
}

// TestHooksMayUseTheOutboxAndWake: what is told about a delivery can itself become a message.
func TestHooksMayUseTheOutboxAndWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deliver(t, func(_ context.Context, m news.Message) error {
			if m.ID == "1" {
				return news.Refusal{Err: errDown}
			}
			return nil
		})
		failing := d.Courier.hooks.Failing
		d.Courier.hooks.Failing = func(sink string, m news.Message, err error, final bool) {
			failing(sink, m, err, final)
			d.commit(tidings(news.First, "2", "about 1"))
		}
		d.commit(tidings(news.First, "1", "web"))
		d.after(0, "0s send 1", "0s failed 1: connection refused", "0s send 2", "0s works 2")
	})
}

// TestTroubleOfTheOutboxIsTold, and the message is settled all the same.
func TestTroubleOfTheOutboxIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d *delivery
		d = deliver(t, func(context.Context, news.Message) error { return d.o.Close() })
		d.commit(tidings(news.First, "1", "web"))
		d.after(time.Minute, "0s send 1", "0s outbox "+d.o.path+": file already closed")
	})
}
