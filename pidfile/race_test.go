package pidfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOfManyOneGetsTheFile starts the race with a file that is not there, one that a dead owner left with the number of
// a living stranger, and garbage. Exactly one wins, and nobody is told another number than the winner's.
func TestOfManyOneGetsTheFile(t *testing.T) {
	for name, content := range map[string]string{"absent": "", "stale": line(os.Getppid()), "garbage": "not a number\n"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "phorever.pid")
			if content != "" {
				write(t, path, content)
			}
			const many = 16
			var others []*other
			for range many {
				others = append(others, start(t, "own", path))
			}
			for _, o := range others {
				o.goOn()
			}
			var winners, told []int
			for _, o := range others {
				switch word, pid := o.answer(); word {
				case "own":
					winners = append(winners, pid)
				case "held":
					told = append(told, pid)
				default:
					t.Errorf("process %d: %s", o.pid(), word)
				}
			}
			if len(winners) != 1 || len(told) != many-1 {
				t.Fatalf("winners %v, losers were told %v; want one winner", winners, told)
			}
			for _, pid := range told {
				if pid != winners[0] {
					t.Errorf("a loser was told %d, want the winner %d", pid, winners[0])
				}
			}
			wantContent(t, path, line(winners[0]))
		})
	}
}

// TestOwnersFollowEachOther: with many at the door while owners go, some by a crash, each new owner is the only one.
func TestOwnersFollowEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.pid")
	owner := start(t, "own", path)
	if word, _ := owner.try(); word != "own" {
		t.Fatal(word)
	}
	for turn := range 6 {
		var others []*other
		for range 4 {
			others = append(others, start(t, "own", path))
		}
		for _, o := range others {
			o.goOn()
		}
		if turn%2 == 0 {
			owner.crash()
		} else {
			owner.end()
		}
		var next *other
		for _, o := range others {
			switch word, pid := o.answer(); {
			case word == "own" && next == nil:
				next = o
			case word == "own":
				t.Fatalf("turn %d: %d and %d both own it", turn, next.pid(), pid)
			case word != "held":
				t.Fatalf("turn %d: %s", turn, word)
			case pid == 0:
				t.Errorf("turn %d: a loser was not told who holds it", turn)
			}
		}
		if next == nil { // all came while the old owner still lived
			next = start(t, "own", path)
			if word, pid := next.try(); word != "own" {
				t.Fatalf("turn %d: the owner is gone, but %s %d", turn, word, pid)
			}
		}
		owner = next
	}
}

func TestACrashFreesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.pid")
	first := start(t, "own", path)
	if word, pid := first.try(); word != "own" || pid != first.pid() {
		t.Fatal(word, pid)
	}
	if _, err := Acquire(path); err == nil {
		t.Fatal("two owners")
	}
	first.crash()
	wantContent(t, path, line(first.pid()))
	acquire(t, path)
	wantContent(t, path, line(os.Getpid()))
}

// TestALookKeepsNobodyOut: a client that finds out whether a daemon lives takes a shared lock for a moment. A daemon that
// starts in that moment must not take the client for a daemon.
func TestALookKeepsNobodyOut(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "stale": line(os.Getppid())} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "phorever.pid")
			write(t, path, content)
			looker, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer looker.Close()
			if err := syscall.Flock(int(looker.Fd()), syscall.LOCK_SH); err != nil {
				t.Fatal(err)
			}
			got := make(chan error, 1)
			go func() {
				f, err := Acquire(path)
				if err == nil {
					defer f.Release()
				}
				got <- err
			}()
			select {
			case err := <-got:
				t.Fatalf("Acquire did not wait: %v", err)
			case <-time.After(50 * time.Millisecond):
			}
			if err := syscall.Flock(int(looker.Fd()), syscall.LOCK_UN); err != nil {
				t.Fatal(err)
			}
			if err := <-got; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAHolderWithoutANumberIsReported: somebody else's program has locked the file and never writes a number.
func TestAHolderWithoutANumberIsReported(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.pid")
	write(t, path, "")
	holder, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if err := syscall.Flock(int(holder.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	_, err = Acquire(path)
	var held *HeldError
	if !errors.As(err, &held) || held.Pid != 0 {
		t.Fatalf("Acquire: %v, want a HeldError without a pid", err)
	}
	if want := path + ": another process holds it"; err.Error() != want {
		t.Errorf("it says %q, want %q", err, want)
	}
}

// TestChildrenDoNotInheritTheLock: a child that outlives its daemon must not keep the next daemon out.
func TestChildrenDoNotInheritTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.pid")
	f := acquire(t, path)
	flags, err := unix.FcntlInt(f.file.Fd(), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %d, %v; want FD_CLOEXEC", flags, err)
	}
	child := start(t, "sleep", "")
	f.Release()
	acquire(t, path)
	child.end()
}
