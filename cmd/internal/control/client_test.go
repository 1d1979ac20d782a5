package control

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
)

// TestNoDaemonIsSaidAtOnce, whatever a dead one has left.
func TestNoDaemonIsSaidAtOnce(t *testing.T) {
	for name, left := range map[string]func(t *testing.T, place Place){
		"nothing":           func(*testing.T, Place) {},
		"an empty place":    func(t *testing.T, place Place) { _ = place.Prepare() },
		"its lock":          func(t *testing.T, place Place) { lock(t, place, os.Getppid())() },
		"a FIFO as lock":    func(t *testing.T, place Place) { _ = place.Prepare(); _ = syscall.Mkfifo(place.Lock, 0o600) },
		"lock and a socket": func(t *testing.T, place Place) { lock(t, place, 1)(); staleSocket(t, place) },
		"no socket but a file": func(t *testing.T, place Place) {
			_ = errors.Join(place.Prepare(), os.WriteFile(place.Socket, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			place := newPlace(t)
			left(t, place)
			client := NewClient(place)
			promptly(t, time.Second, func() {
				if _, err := client.Status(t.Context(), nil, false); !errors.Is(err, ErrNoDaemon) {
					t.Errorf("status: %v, want %v", err, ErrNoDaemon)
				}
				if _, err := client.Stop(t.Context(), actors.StopOrder{}); !errors.Is(err, ErrNoDaemon) {
					t.Errorf("stop: %v, want %v", err, ErrNoDaemon)
				}
				if err := client.Shutdown(t.Context()); !errors.Is(err, ErrNoDaemon) {
					t.Errorf("shutdown: %v, want %v", err, ErrNoDaemon)
				}
			})
			if pid, held := client.Holder(); held || pid != 0 {
				t.Errorf("Holder: %d, %v; want nobody", pid, held)
			}
		})
	}
}

func staleSocket(t *testing.T, place Place) {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: place.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
}

// TestADaemonThatComesUpIsWaitedFor: it has its lock, and its door opens only later.
func TestADaemonThatComesUpIsWaitedFor(t *testing.T) {
	place := newPlace(t)
	lock(t, place, 4711)
	client := NewClient(place)
	if pid, held := client.Holder(); !held || pid != 4711 {
		t.Errorf("Holder: %d, %v; want 4711", pid, held)
	}
	asked := make(chan error, 1)
	go func() {
		_, err := client.Start(t.Context(), actors.StartOrder{})
		asked <- err
	}()
	select {
	case err := <-asked:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	serve(t, place, &fakeSystem{}, &fakeDaemon{})
	if err := soon(t, "the answer", asked); err != nil {
		t.Error(err)
	}
}

func TestADaemonThatNeverAnswersIsNamed(t *testing.T) {
	t.Parallel()
	place := newPlace(t)
	lock(t, place, 4711)
	begin := time.Now()
	_, err := NewClient(place).Status(t.Context(), nil, false)
	if took := time.Since(begin); took < patience || took > 2*patience {
		t.Errorf("it waited %s, want %s", took, patience)
	}
	if err == nil || errors.Is(err, ErrNoDaemon) || !strings.Contains(err.Error(), "4711") || !strings.Contains(err.Error(), place.Socket) {
		t.Errorf("it says %v, want who holds the lock and where it should answer", err)
	}
}

// TestADaemonThatGoesWhileWeWait is no daemon.
// TestADaemonThatOnlyListens: whoever holds the socket may have no daemon behind it.
func TestADaemonThatOnlyListens(t *testing.T) {
	place := newPlace(t)
	defer lock(t, place, os.Getpid())()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: place.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client := NewClient(place)
	client.answersWithin = 50 * time.Millisecond
	promptly(t, 5*time.Second, func() {
		if _, err := client.Status(t.Context(), nil, false); !errors.Is(err, errSilent) {
			t.Errorf("status: %v", err)
		}
		if _, err := client.StatusJSON(t.Context(), nil, false); !errors.Is(err, errSilent) {
			t.Errorf("status as JSON: %v", err)
		}
	})
}

func TestADaemonThatGoesWhileWeWait(t *testing.T) {
	place := newPlace(t)
	unlock := lock(t, place, 4711)
	asked := make(chan error, 1)
	go func() {
		_, err := NewClient(place).Status(t.Context(), nil, false)
		asked <- err
	}()
	select {
	case err := <-asked:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	unlock()
	if err := soon(t, "the answer", asked); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("%v, want %v", err, ErrNoDaemon)
	}
}

// dying is a daemon that takes each request and dies before it answers. It counts them.
func dying(t *testing.T, place Place, answer string) *atomic.Int32 {
	t.Helper()
	listener, err := net.Listen("unix", place.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var taken atomic.Int32
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			taken.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(connection, answer)
				connection.Close()
			}
		}))
	}()
	return &taken
}

// TestOnlyQuestionsAreAskedAgain: an order that got no answer may have been carried out.
func TestOnlyQuestionsAreAskedAgain(t *testing.T) {
	place := newPlace(t)
	lock(t, place, 4711)
	taken := dying(t, place, "")
	client := NewClient(place)
	if _, err := client.Restart(t.Context(), actors.RestartOrder{}); err == nil || !strings.Contains(err.Error(), "did not answer") {
		t.Errorf("restart: %v, want that it did not answer", err)
	}
	if n := taken.Load(); n != 1 {
		t.Errorf("the order was sent %d times, want once", n)
	}
	asked := make(chan error, 1)
	go func() {
		_, err := client.Status(t.Context(), nil, false)
		asked <- err
	}()
	for end := time.Now().Add(patience / 2); taken.Load() < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the question was not asked again")
		}
	}
	if err := os.Remove(place.Socket); err != nil {
		t.Fatal(err)
	}
	serve(t, place, &fakeSystem{}, &fakeDaemon{}) // it is back
	if err := soon(t, "the answer", asked); err != nil {
		t.Error(err)
	}
}

// TestAnAnswerThatBreaksOffIsAnError, never half of one.
func TestAnAnswerThatBreaksOffIsAnError(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	place := newPlace(t)
	lock(t, place, 4711)
	dying(t, place, head+"18\r\n{\"id\":\"1\"}\n{\"id\":\"2\",\"m\r\n")
	var got []string
	err := NewClient(place).Events(t.Context(), true, func(e event.Record) error { got = append(got, e.ID); return nil })
	if err == nil || !strings.Contains(err.Error(), "ended before") || len(got) != 1 {
		t.Errorf("events: %q and %v, want the whole one and that the daemon ended", got, err)
	}

	place = newPlace(t)
	lock(t, place, 4711)
	dying(t, place, head+"c\r\n{\"outcomes\":\r\n")
	client := NewClient(place)
	if _, err := client.Start(t.Context(), actors.StartOrder{}); err == nil || !strings.Contains(err.Error(), "ended before") {
		t.Errorf("start: %v, want that the daemon ended", err)
	}
	if text, err := client.StatusJSON(t.Context(), nil, false); err == nil {
		t.Errorf("status --json: half an answer was handed on: %s", text)
	}
}

// TestAClientThatLeavesIsNoticed by the request that it waited for.
func TestAClientThatLeavesIsNoticed(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan error, 1)
	system := &fakeSystem{do: func(ctx context.Context, _ any) (actors.Report, error) {
		close(arrived)
		<-ctx.Done()
		left <- ctx.Err()
		return actors.Report{}, nil
	}}
	place := newPlace(t)
	serve(t, place, system, &fakeDaemon{})
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	go func() {
		_, err := NewClient(place).Stop(ctx, actors.StopOrder{Targets: []actors.Target{"web"}})
		answer <- err
	}()
	soon(t, "the order", arrived)
	cancel()
	if err := soon(t, "the client's end", answer); !errors.Is(err, context.Canceled) {
		t.Errorf("the client got %v, want %v", err, context.Canceled)
	}
	soon(t, "the news that the client has left", left)
	wantAnswer(t, place)
}

func TestAWaitForADaemonCanBeCanceled(t *testing.T) {
	place := newPlace(t)
	lock(t, place, 4711)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	promptly(t, patience/2, func() {
		if _, err := NewClient(place).Status(ctx, nil, false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want %v", err, context.DeadlineExceeded)
		}
	})
}

// TestShutdownReturnsWhenNothingIsLeft of the daemon: neither its door nor its lock.
func TestShutdownReturnsWhenNothingIsLeft(t *testing.T) {
	for name, test := range map[string]struct {
		before, after func(t *testing.T, place Place)
	}{
		"in order":         {},
		"the lock is gone": {before: func(t *testing.T, place Place) { _ = os.Remove(place.Lock) }},
		"another one follows at once": {after: func(t *testing.T, place Place) {
			lock(t, place, 4712)
			serve(t, place, &fakeSystem{}, &fakeDaemon{})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			place := newPlace(t)
			unlock := lock(t, place, 4711)
			ordered := make(chan struct{})
			server := serve(t, place, &fakeSystem{}, &fakeDaemon{shutdown: func(string) { close(ordered) }})
			if test.before != nil {
				test.before(t, place)
			}
			returned := make(chan error, 1)
			go func() { returned <- NewClient(place).Shutdown(t.Context()) }()
			soon(t, "the order", ordered)
			select {
			case err := <-returned:
				t.Fatalf("it returned while the daemon lives: %v", err)
			case <-time.After(100 * time.Millisecond):
			}
			server.Close()
			unlock()
			if test.after != nil {
				test.after(t, place)
			}
			if err := soon(t, "the return", returned); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheHolderIsReadFromItsLock(t *testing.T) {
	for content, want := range map[string]int{"": 0, "12": 12, "12\n": 12, "garbage": 0} {
		place := newPlace(t)
		lock(t, place, 1)
		if err := os.WriteFile(place.Lock, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if pid, held := NewClient(place).Holder(); !held || pid != want {
			t.Errorf("%s: Holder: %d, %v; want %d", strconv.Quote(content), pid, held, want)
		}
	}
}
