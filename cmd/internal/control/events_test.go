package control

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/event"
)

func numbered(n int) event.Record {
	return event.Record{V: 1, ID: strconv.Itoa(n), Event: "process.started", Message: strings.Repeat("x", 4<<10)}
}

var errEnough = errors.New("enough")

func TestEventsAreTheLastOnes(t *testing.T) {
	system := &fakeSystem{events: []event.Record{numbered(1), numbered(2)}}
	place := newPlace(t)
	serve(t, place, system, &fakeDaemon{})
	var got []string
	if err := NewClient(place).Events(t.Context(), false, func(e event.Record) error { got = append(got, e.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, " ") != "1 2" {
		t.Errorf("they are %q", got)
	}
	if err := NewClient(place).Events(t.Context(), false, func(event.Record) error { return errEnough }); !errors.Is(err, errEnough) {
		t.Errorf("it ends with %v, want what the reader returned", err)
	}
}

// TestAFollowerHearsEachEventOnce: what happens between its subscription and the list of the last ones is in both.
func TestAFollowerHearsEachEventOnce(t *testing.T) {
	system := &fakeSystem{events: []event.Record{numbered(1), numbered(2)}, subscribed: make(chan struct{}, 1)}
	place := newPlace(t)
	serve(t, place, system, &fakeDaemon{})
	got := make(chan string, 10)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		ended <- NewClient(place).Events(ctx, true, func(e event.Record) error { got <- e.ID; return nil })
	}()
	soon(t, "the subscription", system.subscribed)
	for n := 2; n <= 4; n++ {
		system.publish(numbered(n))
	}
	for _, want := range []string{"1", "2", "3", "4"} {
		if id := soon(t, "event "+want, got); id != want {
			t.Fatalf("event %s came, want %s", id, want)
		}
	}
	cancel()
	if err := soon(t, "the end", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v, want %v", err, context.Canceled)
	}
	for end := time.Now().Add(5 * time.Second); system.followers() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a follower that has left is still subscribed")
		}
	}
}

// TestASlowFollowerIsToldWhatItMissed, and where; nobody waits for it.
func TestASlowFollowerIsToldWhatItMissed(t *testing.T) {
	system := &fakeSystem{queue: 16, subscribed: make(chan struct{}, 1)}
	place := newPlace(t)
	serve(t, place, system, &fakeDaemon{})
	const many = 2000 // much more than sockets and buffers hold
	published := make(chan struct{})
	received, missed, last := 0, 0, 0
	ended := make(chan error, 1)
	go func() {
		first := true
		ended <- NewClient(place).Events(t.Context(), true, func(e event.Record) error {
			if first {
				<-published
				first = false
			}
			if e.Event == "events.missed" {
				n := 0
				if _, err := fmt.Sscanf(e.Message, "%d events", &n); err != nil || n < 1 || e.Severity != event.Warning || e.ID == "" {
					t.Errorf("a gap says %+v", e)
				}
				missed += n
				last += n
				return nil
			}
			received++
			last++
			if e.ID != strconv.Itoa(last) {
				return fmt.Errorf("event %s came, want %d", e.ID, last)
			}
			if last == many {
				return errEnough
			}
			return nil
		})
	}()
	soon(t, "the subscription", system.subscribed)
	for n := 1; n <= many; n++ {
		system.publish(numbered(n))
	}
	close(published)
	if err := soon(t, "the last event", ended); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if missed == 0 || received+missed != many {
		t.Errorf("%d received, %d missed, want both and %d together", received, missed, many)
	}
}

// TestCloseEndsFollowers at once, after what they have to hear.
func TestCloseEndsFollowers(t *testing.T) {
	system := &fakeSystem{subscribed: make(chan struct{}, 1)}
	place := newPlace(t)
	server := serve(t, place, system, &fakeDaemon{})
	var got []string
	ended := make(chan error, 1)
	go func() {
		ended <- NewClient(place).Events(t.Context(), true, func(e event.Record) error { got = append(got, e.ID); return nil })
	}()
	soon(t, "the subscription", system.subscribed)
	for n := range 20 {
		system.publish(numbered(n))
	}
	promptly(t, 900*time.Millisecond, server.Close) // requests under way are given a second
	if err := soon(t, "the end", ended); err != nil {
		t.Errorf("it ended with %v, want no error", err)
	}
	if len(got) != 20 {
		t.Errorf("%d events came, want 20", len(got))
	}
}

// TestCloseDoesNotWaitForAFollowerThatDoesNotRead.
func TestCloseDoesNotWaitForAFollowerThatDoesNotRead(t *testing.T) {
	t.Parallel()
	system := &fakeSystem{queue: 16, subscribed: make(chan struct{}, 1)}
	place := newPlace(t)
	server := serve(t, place, system, &fakeDaemon{})
	closed, reading := make(chan struct{}), make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- NewClient(place).Events(t.Context(), true, func(event.Record) error {
			select {
			case reading <- struct{}{}:
			default:
			}
			<-closed
			return nil
		})
	}()
	soon(t, "the subscription", system.subscribed)
	for n := range 2000 {
		system.publish(numbered(n))
	}
	soon(t, "the first event", reading)
	promptly(t, 5*time.Second, server.Close)
	close(closed)
	if err := soon(t, "the end", ended); err == nil {
		t.Error("a stream that was cut ended as if it were whole")
	}
}
