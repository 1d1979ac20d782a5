package logs

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestLastLineWithoutNewlineIsCompletedAtTheEndOfARun(t *testing.T) {
	path, p := logPath(t), newPump(t)
	var c Counter
	s, w := attach(t, p, open(t, p, FileOptions{Path: path}), &c)
	write(t, w, "one\ntwo\nthree")
	finish(t, s)
	want(t, "file", "one\ntwo\nthree\n", content(t, path))
	want(t, "logged", 3, c.Logged.Load())
	write(t, w, "grandchild")
	w.Close()
	eventually(t, "what a grandchild writes is a line of its own", func() bool {
		return content(t, path) == "one\ntwo\nthree\ngrandchild\n" && c.Logged.Load() == 4
	})
}

func TestUnfinishedLineWaitsInItsPipe(t *testing.T) {
	path, p := logPath(t), newPump(t)
	var c Counter
	_, w := attach(t, p, open(t, p, FileOptions{Path: path}), &c)
	for _, piece := range []string{"al", "ph", "a\nbe", "ta", "\n", "\n\n", "gam"} {
		write(t, w, piece)
		time.Sleep(3 * time.Millisecond)
	}
	eventually(t, "whole lines", func() bool { return content(t, path) == "alpha\nbeta\n\n\n" })
	want(t, "logged", 4, c.Logged.Load())
	write(t, w, "ma\n")
	eventually(t, "the rest", func() bool { return c.Logged.Load() == 5 })
	want(t, "file", "alpha\nbeta\n\n\ngamma\n", content(t, path))
}

func TestFilesOfOneNameAreOneWriter(t *testing.T) {
	path, p := logPath(t), newPump(t)
	a := open(t, p, FileOptions{Path: path})
	link := filepath.Join(filepath.Dir(path), "link.log")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	b := open(t, p, FileOptions{Path: link})
	c := open(t, p, FileOptions{Path: path})
	if a != b || a != c {
		t.Error("want one writer for one file")
	}
}

func TestFileIsClosedWithItsLastUser(t *testing.T) {
	path, p := logPath(t), newPump(t)
	for range 3 {
		f, err := p.Open(FileOptions{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		s, w := attach(t, p, f, nil)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, w, "line\n")
		finish(t, s)
		s.Close()
		w.Close()
	}
	want(t, "file", "line\nline\nline\n", content(t, path))
}

// Whatever is written in whatever pieces, the file holds the same bytes, and the count is exact.
func TestRandomWriters(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(t.TempDir(), "random.log")
		seed := rapid.Uint64().Draw(rt, "seed")
		size := rapid.IntRange(0, 300_000).Draw(rt, "size")
		often := rapid.SampledFrom([]int{2, 20, 200, 5000, 200_000}).Draw(rt, "one newline in")
		random := rand.New(rand.NewPCG(seed, 1))
		data := make([]byte, size)
		for i := range data {
			if data[i] = byte(random.Uint32()); data[i] == '\n' || random.IntN(often) == 0 {
				data[i] = '\n'
			}
		}
		var c Counter
		f, err := p.Open(FileOptions{Path: path})
		if err != nil {
			rt.Fatal(err)
		}
		s, w := attach(t, p, f, &c)
		if err := scatter(w, data, random); err != nil {
			rt.Fatal(err)
		}
		finish(t, s)
		s.Close()
		w.Close()
		_ = f.Close()
		if size > 0 && data[size-1] != '\n' {
			data = append(data, newline...) //nolint:makezero // the bytes that were made are all filled
		}
		if got := []byte(content(t, path)); !bytes.Equal(got, data) {
			rt.Fatalf("want %d bytes, got %d, which differ", len(data), len(got))
		}
		if lines := int64(bytes.Count(data, newline)); lines != c.Logged.Load() || c.Dropped.Load() != 0 {
			rt.Fatalf("want %d logged, got %d and %d dropped", lines, c.Logged.Load(), c.Dropped.Load())
		}
	})
}

// checkNumbered looks at the lines of numbered writers: none lost, torn, doubled or out of order.
func checkNumbered(t *testing.T, text string, writers, lines int) {
	t.Helper()
	next := map[string]int{}
	for line := range strings.Lines(text) {
		var name string
		var i int
		if _, err := fmt.Sscanf(line, "%s %d", &name, &i); err != nil {
			t.Fatalf("torn line %.60q", line)
		}
		if i != next[name] || line != fmt.Sprintf("%s %d %s\n", name, i, strings.Repeat("x", (i*7919)%200)) {
			t.Fatalf("want line %d of %s, got %.60q", next[name], name, line)
		}
		next[name]++
	}
	want(t, "writers", writers, len(next))
	for name, n := range next {
		want(t, name, lines, n)
	}
}

func TestFiftyWritersShareAFile(t *testing.T) {
	t.Parallel()
	const writers, processes, lines = 50, 10, 1000
	path, p := logPath(t), newPump(t)
	f := open(t, p, FileOptions{Path: path})
	var c Counter
	var streams []*Stream
	var all sync.WaitGroup
	for i := range writers {
		s, w := attach(t, p, f, &c)
		streams = append(streams, s)
		name := fmt.Sprint("w", i)
		if i >= processes { // the others are of this process, as starting one takes long
			all.Go(func() { numbered(w, name, lines) })
			continue
		}
		cmd := child(t, w, "numbered", name, fmt.Sprint(lines))
		all.Go(func() {
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, s := range streams {
		finish(t, s)
	}
	checkNumbered(t, content(t, path), writers, lines)
	want(t, "logged", writers*lines, c.Logged.Load())
}

func TestReopenUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	const lines = 60_000
	path, p := logPath(t), newPump(t)
	var c Counter
	s, w := attach(t, p, open(t, p, FileOptions{Path: path}), &c)
	cmd := child(t, w, "numbered", "w", fmt.Sprint(lines))
	ended := make(chan error)
	go func() { ended <- cmd.Wait() }()
	moved := 0
	for running := true; running; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		case <-time.After(2 * time.Millisecond):
			moved++
			if err := os.Rename(path, fmt.Sprintf("%s.%04d", path, moved)); err != nil {
				moved--
			}
			p.Reopen()
		}
	}
	finish(t, s)
	var text strings.Builder
	for i := 1; i <= moved; i++ {
		piece := content(t, fmt.Sprintf("%s.%04d", path, i))
		if piece != "" && !strings.HasSuffix(piece, "\n") {
			t.Fatalf("piece %d ends inside a line", i)
		}
		text.WriteString(piece)
	}
	if last, err := os.ReadFile(path); err == nil {
		text.Write(last)
	}
	checkNumbered(t, text.String(), 1, lines)
	want(t, "logged", lines, c.Logged.Load())
	if moved < 3 {
		t.Errorf("want some reopening, got %d", moved)
	}
}

func TestALineWithoutEndPassesInBoundedMemory(t *testing.T) {
	t.Parallel()
	const size = 32 << 20
	path, p := logPath(t), newPump(t)
	var c Counter
	s, w := attach(t, p, open(t, p, FileOptions{Path: path}), &c)
	if err := child(t, w, "endless", fmt.Sprint(size)).Wait(); err != nil {
		t.Fatal(err)
	}
	finish(t, s)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "size", size+1, info.Size())
	want(t, "logged", 1, c.Logged.Load())
}

func TestALongLineIsCutWhenOthersWait(t *testing.T) {
	t.Parallel()
	path, p := logPath(t), newPump(t)
	f := open(t, p, FileOptions{Path: path, MaxLine: 1000})
	var a, b Counter
	_, long := attach(t, p, f, &a)
	_, short := attach(t, p, f, &b)
	write(t, long, strings.Repeat("l", 5000))
	time.Sleep(20 * time.Millisecond)
	write(t, short, "short\n")
	eventually(t, "the line that waits", func() bool { return b.Logged.Load() == 1 })
	write(t, long, "rest\n")
	eventually(t, "the rest", func() bool { return a.Logged.Load() == 2 })
	want(t, "file", strings.Repeat("l", 5000)+CutMarker+"short\nrest\n", content(t, path))
}

func TestDirectoryThatGoesAndComesBack(t *testing.T) {
	t.Parallel()
	path, p := logPath(t), newPump(t)
	// A file where the directory belongs: also root cannot create the log then.
	if err := os.WriteFile(filepath.Dir(path), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var told atomic.Int64
	var resumed atomic.Int64
	p.Tell(func(n Note) {
		switch n := n.(type) {
		case Dropping:
			told.Add(1)
		case Dropped:
			resumed.Store(n.Lines)
		default:
			t.Errorf("told %v", n)
		}
	})
	f := open(t, p, FileOptions{Path: path})
	if f.Err() == nil {
		t.Error("want a file that refuses")
	}
	var c Counter
	s, w := attach(t, p, f, &c)
	write(t, w, "lost\nalso")
	finish(t, s)
	want(t, "dropped", 2, c.Dropped.Load())
	want(t, "announcements", 1, told.Load())
	if err := os.Remove(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	var sent int64 = 2
	eventually(t, "the file works again", func() bool {
		write(t, w, "back\n")
		sent++
		finish(t, s)
		return c.Logged.Load() > 0
	})
	want(t, "sent = logged + dropped", sent, c.Logged.Load()+c.Dropped.Load())
	want(t, "announced as dropped", c.Dropped.Load(), resumed.Load())
	want(t, "error", nil, f.Err())
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	write(t, w, "new\n")
	finish(t, s)
	want(t, "file in a new directory", "new\n", content(t, path))
}

func TestBlockLosesNothing(t *testing.T) {
	t.Parallel()
	path, p := logPath(t), newPump(t)
	if err := os.WriteFile(filepath.Dir(path), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var c Counter
	s, w := attach(t, p, open(t, p, FileOptions{Path: path, OnFull: Block}), &c)
	write(t, w, "one\ntwo")
	begun := time.Now()
	finish(t, s)
	if d := time.Since(begun); d < finishLimit/2 || d > 10*finishLimit {
		t.Errorf("want the end of the run to wait about %v, got %v", finishLimit, d)
	}
	write(t, w, "grandchild\n")
	if err := os.Remove(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the file works again", func() bool { return c.Logged.Load() == 3 })
	want(t, "file", "one\ntwo\ngrandchild\n", content(t, path))
	want(t, "dropped", 0, c.Dropped.Load())
}

func TestCopyTruncateLeavesNoHole(t *testing.T) {
	path, p := logPath(t), newPump(t)
	s, w := attach(t, p, open(t, p, FileOptions{Path: path}), nil)
	write(t, w, "before\n")
	finish(t, s)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, w, "after\n")
	finish(t, s)
	want(t, "file", "after\n", content(t, path))
	if err := os.WriteFile(path, []byte("after\nfrom another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, w, "ours\n")
	finish(t, s)
	want(t, "file", "after\nfrom another\nours\n", content(t, path))
}

func TestDeletedFileIsMadeAgain(t *testing.T) {
	path, p := logPath(t), newPump(t)
	s, w := attach(t, p, open(t, p, FileOptions{Path: path}), nil)
	write(t, w, "before\n")
	finish(t, s)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, w, "after\n")
	finish(t, s)
	want(t, "file", "after\n", content(t, path))
}

func TestFinishInEveryCaseCallsBackOnce(t *testing.T) {
	p, err := NewPump(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, p, FileOptions{Path: logPath(t)})
	s, w := attach(t, p, f, nil)
	nowhere, v := attach(t, p, nil, nil)
	write(t, v, "nobody keeps this")
	finish(t, s)
	finish(t, nowhere)
	var calls atomic.Int64
	for range 100 {
		s.Finish(func() { calls.Add(1) })
	}
	w.Close()
	v.Close()
	p.Close()
	want(t, "calls", 100, calls.Load())
	s.Finish(func() { calls.Add(1) })
	s.Close()
	eventually(t, "a finish after the end", func() bool { return calls.Load() == 101 })
	if _, err := p.Open(FileOptions{Path: "x"}); !errors.Is(err, ErrClosed) {
		t.Errorf("want ErrClosed, got %v", err)
	}
	p.Reopen()
	p.Close()
}

func TestCloseWritesWhatIsInThePipes(t *testing.T) {
	p, err := NewPump(nil)
	if err != nil {
		t.Fatal(err)
	}
	path := logPath(t)
	_, w := attach(t, p, open(t, p, FileOptions{Path: path}), nil)
	write(t, w, strings.Repeat("line\n", 5000)+"last")
	p.Close()
	want(t, "file", strings.Repeat("line\n", 5000)+"last\n", content(t, path))
	if _, err := w.WriteString("more"); err == nil {
		t.Error("want the pipe to be closed")
	}
}
