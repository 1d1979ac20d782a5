package osproc

import (
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func threads(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestAThousandRoundsLeaveNothing(t *testing.T) {
	l := newLoop(t)
	umask := 0o77
	round := func(i int) {
		c := command("true")
		if i%50 == 0 {
			c.Umask = &umask // on a thread of its own
		}
		if i%100 == 1 {
			c.Path = "/no/such/program"
		}
		p, err := Spawn(c)
		if err != nil {
			if i%100 != 1 {
				t.Error(err)
			}
			return
		}
		ends := make(chan Status, 1)
		if err := l.Watch(p, func(status Status) { ends <- status }); err != nil {
			t.Error(err)
		}
		if status := <-ends; status != (Status{User: status.User, System: status.System, MaxRSS: status.MaxRSS}) {
			t.Errorf("round %d ended with %+v", i, status)
		}
		if err := p.reap(); err != nil {
			t.Error(err)
		}
	}
	inParallel(100, round) // the runtime's threads, as many as it wants
	files, goroutines, before := openFiles(), runtime.NumGoroutine(), threads(t)
	inParallel(1000, round)
	if now := openFiles(); !slices.Equal(now, files) {
		t.Errorf("descriptors %q, before %q", now, files)
	}
	eventually(t, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "hardly more threads than before", func() bool { return threads(t) <= before+8 })
	l.mu.Lock()
	watched := len(l.watched)
	l.mu.Unlock()
	family.Lock()
	defer family.Unlock()
	if watched+len(family.children)+len(family.inFlight) != 0 {
		t.Errorf("%d are watched, %d in the family, %d in flight", watched, len(family.children), len(family.inFlight))
	}
}

func TestALoopCanBeClosedAtAnyTime(t *testing.T) {
	for range 20 {
		l, err := NewLoop()
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, shell("exit 0"))
		if err := l.Watch(p, func(Status) {}); err != nil {
			t.Fatal(err)
		}
		go func() { _ = p.Signal(syscall.SIGKILL) }()
		l.Close()
		l.Close()
		if err := l.Watch(p, func(Status) {}); err == nil {
			t.Error("a closed loop watches")
		}
		finish(p)
		if err := l.Watch(p, func(Status) {}); err == nil {
			t.Error("a reaped process is watched")
		}
	}
}

func BenchmarkSpawn(b *testing.B) {
	c := command("true")
	for b.Loop() {
		p, err := Spawn(c)
		if err != nil {
			b.Fatal(err)
		}
		_, _, _ = p.wait(unix.WNOWAIT)
		_ = p.reap()
	}
}
