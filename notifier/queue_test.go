package notifier_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier"
)

// sink remembers what it was given; while held it takes nothing.
type sink struct {
	hold chan struct{}

	mu     sync.Mutex
	got    []string
	missed int
}

func (s *sink) Deliver(record event.Record, missed int) {
	if s.hold != nil {
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, record.ID)
	s.missed += missed
}

func offer(q *notifier.Queue, from, to int) {
	for i := from; i < to; i++ {
		q.Offer(event.Record{ID: strconv.Itoa(i)})
	}
}

func TestRecordsArriveOnceAndInOrder(t *testing.T) {
	s := &sink{}
	q := notifier.NewQueue(s, 10000)
	offer(q, 0, 5000)
	q.Close()
	if len(s.got) != 5000 || s.missed != 0 {
		t.Fatalf("%d arrived, %d were missed", len(s.got), s.missed)
	}
	for i, id := range s.got {
		if id != strconv.Itoa(i) {
			t.Fatalf("%s arrived at place %d", id, i)
		}
	}
}

// TestASlowSinkLosesTheOldest: whoever offers never waits, the newest are kept, and the sink is told how many it missed.
func TestASlowSinkLosesTheOldest(t *testing.T) {
	s := &sink{hold: make(chan struct{})}
	q := notifier.NewQueue(s, 100)
	offer(q, 0, 1000) // returns although nothing is taken
	close(s.hold)
	q.Close()
	if last := s.got[len(s.got)-1]; last != "999" || len(s.got)+s.missed != 1000 {
		t.Errorf("the last is %s, %d arrived, %d were missed", last, len(s.got), s.missed)
	}
	if len(s.got) > 101 { // and the one in its hands
		t.Errorf("%d were kept", len(s.got))
	}
}

func TestDropForgetsWhatWaits(t *testing.T) {
	s := &sink{hold: make(chan struct{})}
	q := notifier.NewQueue(s, 100)
	offer(q, 0, 50)
	q.Drop()
	close(s.hold)
	q.Close() // waits for the one in its hands
	offer(q, 50, 60)
	if len(s.got) > 1 {
		t.Errorf("%d arrived after Drop", len(s.got)-1)
	}
}

// TestAnIdleQueueWorksAgain: the goroutine is gone while there is nothing to do, and comes back.
func TestAnIdleQueueWorksAgain(t *testing.T) {
	s := &sink{}
	q := notifier.NewQueue(s, 100)
	for i := range 200 {
		offer(q, i, i+1)
		for end := time.Now().Add(10 * time.Second); ; {
			s.mu.Lock()
			n := len(s.got)
			s.mu.Unlock()
			if n == i+1 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%d of %d arrived", n, i+1)
			}
		}
	}
	q.Close()
}
