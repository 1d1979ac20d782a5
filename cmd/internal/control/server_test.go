package control

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/dcousineau/phorever/actors"
)

func wantAnswer(t *testing.T, place Place) {
	t.Helper()
	if _, err := NewClient(place).Roles(t.Context()); err != nil {
		t.Errorf("the daemon does not answer: %v", err)
	}
}

func TestTheSocketIsPrivate(t *testing.T) {
	place := newPlace(t)
	server := serve(t, place, &fakeSystem{}, &fakeDaemon{})
	info, err := os.Lstat(place.Socket)
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("it is %v, %v; want a socket of mode 0600", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(place.Directory); len(entries) != 1 {
		t.Errorf("beside it is something else: %v", entries)
	}
	server.Close()
	server.Close() // a second one is harmless
	if _, err := os.Lstat(place.Socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there after Close: %v", err)
	}
}

func TestEachRequestCountsAsUse(t *testing.T) {
	place := newPlace(t)
	var used atomic.Int32
	server, err := Serve(place, &fakeSystem{}, &fakeDaemon{}, logrus.New(), func() { used.Add(1) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	wantAnswer(t, place)
	wantAnswer(t, place)
	server.Close() // the answer comes before the last note of it
	if n := used.Load(); n != 4 {
		t.Errorf("told %d times, want 4: two requests came and were answered", n)
	}
}

// TestALongPathWorks: a socket's address has room for 107 bytes.
func TestALongPathWorks(t *testing.T) {
	for _, length := range []int{90, 106, 107, 108, 109, 300} {
		place := newPlace(t)
		fill := length - len(place.Socket) - 1
		for ; fill > 200; fill -= 101 {
			place = placeIn(filepath.Join(place.Directory, strings.Repeat("d", 100)))
		}
		place = placeIn(filepath.Join(place.Directory, strings.Repeat("d", max(fill, 1))))
		if fill > 0 && len(place.Socket) != length {
			t.Fatalf("the path has %d bytes, want %d", len(place.Socket), length)
		}
		if _, err := NewClient(place).Roles(t.Context()); !errors.Is(err, ErrNoDaemon) {
			t.Errorf("%d bytes, before: %v, want %v", length, err, ErrNoDaemon)
		}
		if _, err := NewClient(place).Stop(t.Context(), actors.StopOrder{}); !errors.Is(err, ErrNoDaemon) { // an order, too
			t.Errorf("%d bytes, before: %v, want %v", length, err, ErrNoDaemon)
		}
		server := serve(t, place, &fakeSystem{}, &fakeDaemon{})
		wantAnswer(t, place)
		server.Close()
		if entries, err := os.ReadDir(place.Directory); err != nil || len(entries) != 0 {
			t.Errorf("%d bytes, after: %v, %v; want nothing left", length, entries, err)
		}
	}
}

// TestTheSocketComesBack within 5 s, whatever a cleaner of temporary files has done to it.
func TestTheSocketComesBack(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(place Place) error{
		"removed": func(place Place) error { return os.Remove(place.Socket) },
		"replaced": func(place Place) error {
			return errors.Join(os.Remove(place.Socket), os.WriteFile(place.Socket, nil, 0o600))
		},
		"directory removed": func(place Place) error { return os.RemoveAll(place.Directory) },
		"directory moved":   func(place Place) error { return os.Rename(place.Directory, place.Directory+"-old") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := newPlace(t)
			log, told := logtest.NewNullLogger()
			server, err := Serve(place, &fakeSystem{}, &fakeDaemon{}, log, func() {}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if err := harm(place); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			for end := begin.Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				if _, err := NewClient(place).Roles(t.Context()); err == nil {
					break
				}
				if time.Now().After(end) {
					t.Fatal("it is not back after 5 s")
				}
			}
			server.Close()
			if _, err := os.Lstat(place.Socket); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the new one is still there after Close: %v", err)
			}
			if entries := told.AllEntries(); len(entries) != 1 || entries[0].Level != logrus.WarnLevel {
				t.Errorf("it was logged %d times, want one warning", len(entries))
			}
		})
	}
}

// TestADirectoryInTheWayIsAnError: the socket cannot be moved into place, and that must not look like success.
func TestADirectoryInTheWayIsAnError(t *testing.T) {
	place := newPlace(t)
	if err := errors.Join(place.Prepare(), os.Mkdir(place.Socket, 0o700)); err != nil {
		t.Fatal(err)
	}
	server, err := Serve(place, &fakeSystem{}, &fakeDaemon{}, logrus.New(), func() {}, nil)
	if err == nil {
		server.Close()
		t.Fatal("Serve succeeded")
	}
	if _, err := os.Lstat(place.Socket + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it has left something behind: %v", err)
	}
}

func TestAStaleSocketIsReplaced(t *testing.T) {
	place := newPlace(t)
	if err := place.Prepare(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{place.Socket, place.Socket + ".new"} { // a daemon was killed in the middle of everything
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		listener.SetUnlinkOnClose(false)
		listener.Close()
	}
	serve(t, place, &fakeSystem{}, &fakeDaemon{})
	wantAnswer(t, place)
}

// TestTheOldServerLeavesTheNewSocket, when it closes after another daemon has come.
func TestTheOldServerLeavesTheNewSocket(t *testing.T) {
	place := newPlace(t)
	old := serve(t, place, &fakeSystem{}, &fakeDaemon{})
	serve(t, place, &fakeSystem{}, &fakeDaemon{})
	old.Close()
	wantAnswer(t, place)
}

// TestAnotherUserIsRefused although every mode lets him in.
func TestAnotherUserIsRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	place := newPlace(t)
	var used atomic.Bool
	system := &fakeSystem{}
	server, err := Serve(place, system, &fakeDaemon{}, logrus.New(), func() { used.Store(true) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ask := func() string { return output(t, again(t, "ask", place.Directory)) }
	if got, want := ask(), "is not ours to use"; !strings.Contains(got, want) {
		t.Errorf("as it is, he is told %q, want %q", got, want)
	}
	if err := errors.Join(os.Chmod(filepath.Dir(place.Directory), 0o755), os.Chmod(place.Directory, 0o755), os.Chmod(place.Socket, 0o666)); err != nil {
		t.Fatal(err)
	}
	if got, want := ask(), "user 65534 may not control this daemon"; got != want {
		t.Errorf("through open modes he is told %q, want %q", got, want)
	}
	if used.Load() {
		t.Error("his request was counted as use")
	}
}

// TestRootMayControlEverybodysDaemon.
func TestRootMayControlEverybodysDaemon(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	place := newPlace(t)
	if err := os.Chown(filepath.Dir(place.Directory), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	daemon := again(t, "serve", place.Directory)
	input, errIn := daemon.StdinPipe()
	words, errOut := daemon.StdoutPipe()
	if err := errors.Join(errIn, errOut, daemon.Start()); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 100)
	n, err := words.Read(said) // it serves as soon as it has said how that went
	if got := strings.TrimSpace(string(said[:n])); err != nil || got != "<nil>" {
		t.Errorf("it could not serve: %s, %v", got, err)
	}
	wantAnswer(t, place)
	input.Close()
	if err := daemon.Wait(); err != nil {
		t.Error(err)
	}
}

// TestAWaitingRequestDelaysNoOther: many wait, each question is answered at once.
func TestAWaitingRequestDelaysNoOther(t *testing.T) {
	const many = 50
	arrived, release := make(chan struct{}, many), make(chan struct{})
	system := &fakeSystem{do: func(context.Context, any) (actors.Report, error) {
		arrived <- struct{}{}
		<-release
		return actors.Report{}, nil
	}}
	place := newPlace(t)
	serve(t, place, system, &fakeDaemon{})
	client := NewClient(place)
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			if _, err := client.Stop(t.Context(), actors.StopOrder{Targets: []actors.Target{"all"}}); err != nil {
				t.Errorf("a stop that waited: %v", err)
			}
		})
	}
	for range many {
		soon(t, "an order", arrived)
	}
	wantAnswer(t, place) // while all of them wait: release comes after it
	close(release)
	all.Wait()
}

// TestCloseAnswersWhatIsUnderWay when it takes less than a moment, and cuts it otherwise.
func TestCloseAnswersWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	for name, quick := range map[string]bool{"quick": true, "slow": false} {
		t.Run(name, func(t *testing.T) {
			arrived, cut := make(chan struct{}), make(chan struct{})
			var server *Server
			system := &fakeSystem{do: func(ctx context.Context, _ any) (actors.Report, error) {
				close(arrived)
				if quick {
					<-server.closed
					return actors.Report{Notes: []string{"done"}}, nil
				}
				<-ctx.Done()
				close(cut)
				return actors.Report{}, ctx.Err()
			}}
			place := newPlace(t)
			server = serve(t, place, system, &fakeDaemon{})
			answer := make(chan error, 1)
			go func() {
				report, err := NewClient(place).Restart(t.Context(), actors.RestartOrder{})
				if err == nil && len(report.Notes) != 1 {
					err = errors.New("an empty report")
				}
				answer <- err
			}()
			soon(t, "the order", arrived)
			promptly(t, 5*time.Second, server.Close)
			err := soon(t, "the answer", answer)
			if quick && err != nil {
				t.Errorf("it was not answered: %v", err)
			}
			if !quick {
				soon(t, "the end of the request", cut)
				if err == nil || !strings.Contains(err.Error(), "did not answer") {
					t.Errorf("it was cut, and the client says: %v", err)
				}
			}
		})
	}
}
