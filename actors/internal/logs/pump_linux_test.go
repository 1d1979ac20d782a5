package logs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestDevFullDropsAndCounts(t *testing.T) {
	p := newPump(t)
	var c Counter
	var reason atomic.Value
	p.Tell(func(n Note) { reason.Store(n.(Dropping).Why) })
	f := open(t, p, FileOptions{Path: "/dev/full"})
	s, w := attach(t, p, f, &c)
	for range 10 {
		write(t, w, "one\ntwo\nthree")
		finish(t, s)
	}
	want(t, "logged", 0, c.Logged.Load())
	want(t, "dropped", 30, c.Dropped.Load())
	want(t, "reason", any(unix.ENOSPC), reason.Load())
	want(t, "error", error(unix.ENOSPC), f.Err())
}

func TestBlockOnAFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "256k")
	path, p := filepath.Join(disk, "web.log"), newPump(t)
	f := open(t, p, FileOptions{Path: path, OnFull: Block})
	var c Counter
	s, w := attach(t, p, f, &c)
	const lines = 4000
	go numbered(w, "w", lines)
	var text strings.Builder
	refused := 0
	for c.Logged.Load() < lines {
		eventually(t, "a full disk, or the end", func() bool { return f.Err() != nil || c.Logged.Load() == lines })
		if f.Err() != nil {
			refused++
		}
		taken := make(chan struct{})
		p.post(func() { // between two batches; the file may end inside a line that goes on later
			text.WriteString(content(t, path))
			if err := os.Truncate(path, 0); err != nil {
				t.Error(err)
			}
			close(taken)
		})
		<-taken
		time.Sleep(10 * time.Millisecond)
	}
	finish(t, s)
	text.WriteString(content(t, path))
	checkNumbered(t, text.String(), 1, lines)
	want(t, "dropped", 0, c.Dropped.Load())
	if refused == 0 {
		t.Error("want a disk that was full")
	}
}

// hang makes every write to the file hang, like a dead network mount. What comes out of the returned pipe is what it
// would have held.
func hang(t *testing.T, p *Pump, f *File) *os.File {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	unix.FcntlInt(uintptr(ends[1]), unix.F_SETPIPE_SZ, pageSize)
	if _, err := unix.Write(ends[1], make([]byte, pageSize)); err != nil {
		t.Fatal(err)
	}
	p.post(func() {
		unix.Close(f.fd)
		f.fd, f.regular, f.unspliced = ends[1], false, true
	})
	r := os.NewFile(uintptr(ends[0]), "dead mount")
	t.Cleanup(func() { r.Close() })
	return r
}

func TestAFileSystemThatHangsStopsNoOther(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	f := open(t, p, FileOptions{Path: logPath(t)})
	dead := hang(t, p, f)
	var c, other Counter
	s, w := attach(t, p, f, &c)
	o, ow := attach(t, p, open(t, p, FileOptions{Path: logPath(t)}), &other)
	write(t, w, "one\n")
	time.Sleep(10 * time.Millisecond)
	begun := time.Now()
	write(t, ow, "elsewhere\n")
	finish(t, o)
	if d := time.Since(begun); d > 10*patience {
		t.Errorf("want the others to wait no longer than about %v, got %v", patience, d)
	}
	want(t, "elsewhere", 1, other.Logged.Load())
	begun = time.Now()
	finish(t, s)
	if d := time.Since(begun); d > 10*finishLimit {
		t.Errorf("want the end of the run to wait %v, got %v", finishLimit, d)
	}
	eventually(t, "lines are dropped", func() bool {
		write(t, w, "two\n")
		return c.Dropped.Load() > 3
	})
	want(t, "reason", errHung, f.Err())
	got := make(chan string)
	go func() {
		b := make([]byte, pageSize+1000)
		n, _ := io.ReadAtLeast(dead, b, pageSize+len("one\n"))
		got <- string(b[pageSize:n])
		_, _ = io.Copy(io.Discard, dead)
	}()
	want(t, "what hung is written after all", "one\n", (<-got)[:4])
	eventually(t, "the file works again", func() bool { return f.Err() == nil && c.Logged.Load() >= 1 })
	p.post(func() { // as closing would
		unix.Close(f.fd)
		f.fd = -1
	})
	eventually(t, "the file is opened again", func() bool { // a busy machine may take longer to open it than the end of a run waits
		write(t, w, "three\n")
		finish(t, s)
		return strings.HasSuffix(content(t, f.options.Path), "three\n")
	})
}

func TestALinkOfAnotherUserIsNotFollowed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a link of another user")
	}
	path, p := logPath(t), newPump(t)
	target := filepath.Join(t.TempDir(), "target")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	f := open(t, p, FileOptions{Path: path})
	if err := f.Err(); err == nil || !strings.Contains(err.Error(), "uid 12345") {
		t.Errorf("want a refusal, got %v", err)
	}
	if _, err := os.Lstat(target); err == nil {
		t.Error("want the target not to be made")
	}
}

func TestALogMayBeADescriptorOfOurs(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	// A link to /proc/self/fd/N, as /dev/stdout is one.
	path := filepath.Join(t.TempDir(), "stdout")
	if err := os.Symlink(fmt.Sprintf("/proc/self/fd/%d", w.Fd()), path); err != nil {
		t.Fatal(err)
	}
	p := newPump(t)
	var c Counter
	s, in := attach(t, p, open(t, p, FileOptions{Path: path}), &c)
	write(t, in, "one\ntwo")
	finish(t, s)
	buf := make([]byte, 100)
	n, err := r.Read(buf)
	want(t, "error", nil, err)
	want(t, "output", "one\ntwo\n", string(buf[:n]))
	want(t, "logged", 2, c.Logged.Load())
	// Nobody reads: the process does not wait.
	for range 100 {
		write(t, in, strings.Repeat("0123456789abcde\n", 1024))
	}
	finish(t, s)
	if c.Dropped.Load() == 0 {
		eventually(t, "lines are dropped", func() bool { return c.Logged.Load()+c.Dropped.Load() > 1000 })
	}
}

// A pipe is full when its pages are used, however few bytes they hold.
func TestAPipeFullOfSingleBytesIsNoDeadlock(t *testing.T) {
	t.Parallel()
	path, p := logPath(t), newPump(t)
	_, w := attach(t, p, open(t, p, FileOptions{Path: path}), nil)
	source, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	write(t, source, "z")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 40 {
			var at int64
			if _, err := unix.Splice(int(source.Fd()), &at, int(w.Fd()), nil, 1, 0); err != nil {
				t.Error(err)
			}
		}
		write(t, w, "\n")
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the writer waits for ever")
	}
	eventually(t, "the line", func() bool { return content(t, path) == strings.Repeat("z", 40)+"\n" })
}

func TestSmallPipes(t *testing.T) {
	path, p := logPath(t), newPump(t)
	var c Counter
	s, w := attach(t, p, open(t, p, FileOptions{Path: path}), &c)
	small := make(chan struct{})
	p.post(func() { // as for an ordinary user who has too many
		s.capacity, s.stunted = int32(resize(int(s.fd), pageSize)), true
		p.limit = pageSize
		close(small)
	})
	<-small
	numbered(w, "w", 5000)
	write(t, w, "last")
	finish(t, s)
	text, rest := strings.CutSuffix(content(t, path), "last\n")
	want(t, "completed", true, rest)
	checkNumbered(t, text, 1, 5000)
	want(t, "logged", 5001, c.Logged.Load())
}

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestNothingLeaks(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	for range 3 {
		p, err := NewPump(nil)
		if err != nil {
			t.Fatal(err)
		}
		directory := t.TempDir()
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				f, err := p.Open(FileOptions{Path: filepath.Join(directory, fmt.Sprint(i%7))})
				if err != nil {
					t.Error(err)
					return
				}
				var ends [2]int
				if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
					t.Error(err)
					return
				}
				s, err := p.Attach(ends[0], "", f, nil)
				if err != nil {
					t.Error(err)
					return
				}
				_ = f.Close()
				_, _ = unix.Write(ends[1], []byte("line\nrest"))
				if i%2 == 0 {
					s.Finish(func() { s.Close() })
				}
				_ = unix.Close(ends[1])
			})
		}
		all.Wait()
		eventually(t, "streams end with their writers", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.alive == 0 && len(p.files) == 0
		})
		p.Close()
	}
	eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
	want(t, "descriptors", files, descriptors(t))
}

func TestQuietPipesCostNothing(t *testing.T) {
	const pipes = 1000
	path, p := logPath(t), newPump(t)
	f := open(t, p, FileOptions{Path: path})
	var c Counter
	writeEnds := make([]int, 0, pipes)
	t.Cleanup(func() {
		for _, fd := range writeEnds {
			_ = unix.Close(fd)
		}
	})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	for i := range pipes {
		var ends [2]int
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			t.Skip("too few descriptors: ", err)
		}
		if _, err := p.Attach(ends[0], "", f, &c); err != nil {
			t.Fatal(err)
		}
		writeEnds = append(writeEnds, ends[1])
		if i%2 == 0 {
			_, _ = unix.Write(ends[1], []byte("Password: ")) // an unfinished line, as quiet as none
		}
	}
	time.Sleep(1500 * time.Millisecond)
	eventually(t, "a while without CPU", func() bool {
		begun := self()
		time.Sleep(300 * time.Millisecond)
		return self()-begun < time.Millisecond
	})
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / pipes
	t.Logf("%d bytes of heap for each", each)
	if each > 512 {
		t.Errorf("want at most half a KiB for each, got %d bytes", each)
	}
	want(t, "goroutines", goroutines, runtime.NumGoroutine())
}
