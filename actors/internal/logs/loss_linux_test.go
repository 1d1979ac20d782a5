package logs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a tmpfs of a few pages.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	directory := t.TempDir()
	if err := unix.Mount("none", directory, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("only root may mount a small disk: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(directory, unix.MNT_DETACH) })
	return directory
}

func TestADiskThatFillsAndFrees(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "256k")
	path, p := filepath.Join(disk, "web.log"), newPump(t)
	var c Counter
	s, w := attach(t, p, open(t, p, FileOptions{Path: path}), &c)
	elsewhere := logPath(t)
	var other Counter
	o, ow := attach(t, p, open(t, p, FileOptions{Path: elsewhere}), &other)
	sent, marked := 0, int64(0)
	soak, _ := time.ParseDuration(os.Getenv("PHOREVER_SOAK"))
	started := time.Now()
	for round := 0; round < 2 || time.Since(started) < soak; round++ {
		begun := time.Now()
		for c.Dropped.Load() == int64(0) || time.Since(begun) < 1100*time.Millisecond {
			var text strings.Builder
			for range 50 {
				fmt.Fprintf(&text, "line %d %s\n", sent, strings.Repeat("x", sent%150))
				sent++
			}
			write(t, w, text.String())
			if sent%5000 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		finish(t, s)
		write(t, ow, "elsewhere\n")
		finish(t, o)
		want(t, "the other disk's lines", int64(round+1), other.Logged.Load())
		want(t, "sent = logged + dropped", int64(sent), c.Logged.Load()+c.Dropped.Load())
		text := content(t, path)
		if !strings.HasSuffix(text, "\n") {
			t.Fatal("the file ends inside a line")
		}
		marked += markedIn(t, text)
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "[phorever]") {
				continue
			}
			var i int
			if _, err := fmt.Sscanf(line, "line %d", &i); err != nil || line != fmt.Sprintf("line %d %s\n", i, strings.Repeat("x", i%150)) {
				t.Fatalf("torn line %q", line)
			}
		}
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the markers tell of every line that was dropped", func() bool { return marked+markedIn(t, content(t, path)) == c.Dropped.Load() })
	if c.Logged.Load() < 1500 || c.Dropped.Load() == 0 || marked == 0 {
		t.Errorf("want lines of both kinds, got %d logged, %d dropped", c.Logged.Load(), c.Dropped.Load())
	}
}

var markerLine = regexp.MustCompile(`(?m)^\[phorever\] (\d+) lines dropped, ([a-z -]+) (\d\d:\d\d:\d\d)–(\d\d:\d\d:\d\d)$`)

// markedIn is how many lines the markers in a text say are missing.
func markedIn(t *testing.T, text string) (sum int64) {
	t.Helper()
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "[phorever]") {
			continue
		}
		m := markerLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("%q is no marker", line)
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		sum += n
	}
	return sum
}

// The marker stands where the lines are missing, tells the times in the zone of the configuration, and is written though nobody
// writes any more; the run has ended meanwhile, and another one has begun.
func TestTheMarkerComesWhenTheFileWorksAgain(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "256k")
	path, p := filepath.Join(disk, "web.log"), newPump(t)
	zone := time.FixedZone("somewhere", 5*3600)
	p.SetZone(zone)
	told := listen(p)
	var c Counter
	f, err := p.Open(FileOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	s, w := attach(t, p, f, &c)
	write(t, w, "before\n")
	finish(t, s)
	stone := filepath.Join(disk, "stone")
	fill(t, stone)
	if err := os.Truncate(path, 0); err != nil { // else the rest of its page takes lines
		t.Fatal(err)
	}
	fill(t, stone)
	begun := time.Now()
	write(t, w, "one\ntwo\nthree")
	finish(t, s)
	want(t, "dropped", 3, c.Dropped.Load())
	s.Close()
	_ = f.Close() // nobody uses it: the marker is still owed
	if err := os.Remove(stone); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the marker", func() bool { return markedIn(t, content(t, path)) == 3 })
	ended := time.Now()
	m := markerLine.FindStringSubmatch(strings.TrimSpace(content(t, path)))
	want(t, "cause", "disk full", m[2])
	for _, at := range m[3:] {
		told, err := time.ParseInLocation(time.DateTime, begun.In(zone).Format("2006-01-02 ")+at, zone)
		if err != nil || told.Before(begun.Add(-2*time.Second)) || told.After(ended.Add(2*time.Second)) {
			t.Errorf("%s is not between %v and %v", at, begun.In(zone), ended.In(zone))
		}
	}
	notes := told()
	if len(notes) != 2 {
		t.Fatalf("told %v", notes)
	}
	if n, ok := notes[0].(Dropping); !ok || Cause(n.Why) != "disk full" || n.Path != path {
		t.Errorf("first %v", notes[0])
	}
	if n, ok := notes[1].(Dropped); !ok || n.Lines != 3 || Cause(n.Why) != "disk full" || n.To.Before(n.From) {
		t.Errorf("then %v", notes[1])
	}
}

// fill writes until the disk takes no byte more.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, size := range []int{4096, 1} {
		for {
			if n, err := file.Write(make([]byte, size)); err != nil || n < size {
				break
			}
		}
	}
}

// What fits into its pipe is not dropped while the file system hangs: it may answer yet.
func TestAHangOfSecondsLosesNothingThatFitsIntoThePipe(t *testing.T) {
	t.Parallel()
	p := newPump(t)
	f := open(t, p, FileOptions{Path: logPath(t)})
	dead := hang(t, p, f)
	var c Counter
	s, w := attach(t, p, f, &c)
	write(t, w, "one\n")
	eventually(t, "it is seen to hang", func() bool { return f.Err() == errHung })
	write(t, w, "two\n")
	finish(t, s) // a run that ends waits no longer than for any other busy file
	write(t, w, "three\nfour\n")
	text := make([]byte, pageSize+len("one\ntwo\nthree\nfour\n"))
	if _, err := io.ReadFull(dead, text); err != nil {
		t.Fatal(err)
	}
	want(t, "what was written", "one\ntwo\nthree\nfour\n", string(text[pageSize:]))
	eventually(t, "everything is counted", func() bool { return c.Logged.Load() == 4 && f.Err() == nil })
	want(t, "dropped", 0, c.Dropped.Load())
	p.post(func() { // as closing would
		unix.Close(f.fd)
		f.fd = -1
	})
}
