package epoll

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func eventfd(t *testing.T, e *Epoll) int {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := e.Control(unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		t.Fatal(err)
	}
	return fd
}

func signal(t *testing.T, fd int) {
	t.Helper()
	if _, err := unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		t.Error(err)
	}
}

// both runs a test with the runtime's poller, and without it.
func both(t *testing.T, test func(t *testing.T, e *Epoll)) {
	for name, blocking := range map[string]bool{"parked": false, "blocking": true} {
		t.Run(name, func(t *testing.T) {
			e, err := New()
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if e.raw == nil {
				t.Error("the runtime does not poll it")
			}
			if blocking {
				e.raw = nil
			}
			test(t, e)
		})
	}
}

func TestWhatIsReadyIsToldAtOnce(t *testing.T) {
	both(t, func(t *testing.T, e *Epoll) {
		fd := eventfd(t, e)
		signal(t, fd)
		events := make([]unix.EpollEvent, 4)
		for range 3 { // level triggered: it stays ready
			if n, err := e.Wait(events, -1); n != 1 || err != nil || events[0].Fd != int32(fd) {
				t.Fatalf("%d, %v, %+v", n, err, events[0])
			}
		}
	})
}

// TestNoWakeupIsLost: a waiter hears of every one of many signals that come at any time.
func TestNoWakeupIsLost(t *testing.T) {
	both(t, func(t *testing.T, e *Epoll) {
		fd := eventfd(t, e)
		heard := make(chan struct{})
		go func() {
			defer close(heard)
			events := make([]unix.EpollEvent, 1)
			var count [8]byte
			for sum := 0; sum < 5000; {
				if n, err := e.Wait(events, -1); n != 1 || err != nil {
					t.Errorf("%d, %v", n, err)
					return
				}
				if _, err := unix.Read(fd, count[:]); err != nil {
					t.Error(err)
					return
				}
				sum += int(count[0]) | int(count[1])<<8
			}
		}()
		for range 5000 {
			signal(t, fd)
			runtime.Gosched()
		}
		select {
		case <-heard:
		case <-time.After(20 * time.Second):
			t.Fatal("the waiter sleeps although there is something")
		}
	})
}

func TestMoreEventsThanRoomComeInTurn(t *testing.T) {
	both(t, func(t *testing.T, e *Epoll) {
		for range 10 {
			signal(t, eventfd(t, e))
		}
		seen := map[int32]bool{}
		events := make([]unix.EpollEvent, 3)
		for range 10 {
			n, err := e.Wait(events, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range events[:n] {
				seen[event.Fd] = true
			}
		}
		if len(seen) != 10 {
			t.Errorf("%d of 10 were told", len(seen))
		}
	})
}

func TestTheTimeIsKept(t *testing.T) {
	both(t, func(t *testing.T, e *Epoll) {
		fd := eventfd(t, e)
		events := make([]unix.EpollEvent, 1)
		began := time.Now()
		if n, err := e.Wait(events, 30*time.Millisecond); n != 0 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if took := time.Since(began); took < 30*time.Millisecond || took > 5*time.Second {
			t.Errorf("30ms took %v", took)
		}
		if n, err := e.Wait(events, 0); n != 0 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		go signal(t, fd)
		if n, err := e.Wait(events, -1); n != 1 || err != nil { // an earlier deadline does not count any more
			t.Fatalf("%d, %v", n, err)
		}
	})
}
