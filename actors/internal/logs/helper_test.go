package logs

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newPump(t testing.TB) *Pump {
	t.Helper()
	t.TempDir() // cleanups run backwards: the pump is to be closed before the directory goes
	p, err := NewPump(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func open(t testing.TB, p *Pump, o FileOptions) *File {
	t.Helper()
	f, err := p.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// attach makes a stream and the write end that feeds it.
func attach(t testing.TB, p *Pump, f *File, c *Counter) (*Stream, *os.File) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		t.Fatal(err)
	}
	unix.CloseOnExec(ends[0])
	unix.CloseOnExec(ends[1])
	s, err := p.Attach(ends[0], "", f, c)
	if err != nil {
		t.Fatal(err)
	}
	w := os.NewFile(uintptr(ends[1]), "write end")
	t.Cleanup(func() { w.Close() })
	return s, w
}

func finish(t testing.TB, s *Stream) {
	t.Helper()
	done := make(chan struct{})
	s.Finish(func() { close(done) })
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream does not finish")
	}
}

func write(t testing.TB, w *os.File, text string) {
	t.Helper()
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func want[T comparable](t testing.TB, what string, want, got T) {
	t.Helper()
	if want != got {
		t.Errorf("%s: want %v, got %v", what, want, got)
	}
}

// eventually waits for what happens on the pump's own time.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// listen hears what the pump tells, and answers it whenever it is asked.
func listen(p *Pump) (told func() []Note) {
	var mu sync.Mutex
	var notes []Note
	p.Tell(func(n Note) {
		mu.Lock()
		defer mu.Unlock()
		notes = append(notes, n)
	})
	return func() []Note {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(notes)
	}
}

func logPath(t testing.TB) string { return filepath.Join(t.TempDir(), "logs", "web.log") }

// runs tells whether batches are cut where a file is full, as Linux's pump does.
func runs(testing.TB) bool { return runtime.GOOS == "linux" }
