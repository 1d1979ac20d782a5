package logs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// page is a line that fills a page of a file.
var page = strings.Repeat("p", pageSize-1) + "\n"

// enlarge gives a small disk another size.
func enlarge(t *testing.T, disk, size string) {
	t.Helper()
	if err := unix.Mount("none", disk, "tmpfs", unix.MS_REMOUNT, "size="+size); err != nil {
		t.Fatal(err)
	}
}

// whole checks that a file holds lines of x or p that nobody has cut, and nothing but these and markers. It says how many they are.
func whole(t *testing.T, path string) (lines int64) {
	t.Helper()
	for line := range strings.Lines(content(t, path)) {
		switch {
		case strings.HasPrefix(line, "[phorever]"):
			continue
		case line != page && line != longLine:
			t.Fatalf("a torn line of %d bytes, %.20q", len(line), line)
		}
		lines++
	}
	return lines
}

// longLine is one that is written to its file in parts, and ends with a page.
var longLine = strings.Repeat("x", 17*pageSize-1) + "\n"

// another line comes into a file that works again: so many are logged then, and in it.
func another(t *testing.T, s *Stream, w *os.File, path string, lines int64) {
	t.Helper()
	write(t, w, page)
	finish(t, s)
	want(t, "logged", lines, s.counter.Logged.Load())
	want(t, "lines in the file", lines, whole(t, path))
}

// The disk is full just behind a line, and the batch that it did not take completed a line whose beginning was in the file.
func TestADiskThatFillsAtTheEndOfALineKeepsTheLongOneBefore(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "256k")
	path, p := filepath.Join(disk, "web.log"), newPump(t)
	var c Counter
	s, w := attach(t, p, open(t, p, FileOptions{Path: path}), &c)
	write(t, w, strings.Repeat(page, 20))
	eventually(t, "short lines", func() bool { return c.Logged.Load() == 20 })
	write(t, w, longLine[:16*pageSize])
	eventually(t, "a part of the long line", func() bool { return len(content(t, path)) == 36*pageSize })
	write(t, w, longLine[16*pageSize:]+strings.Repeat(page, 100))
	eventually(t, "the disk is full", func() bool { return c.Logged.Load()+c.Dropped.Load() == 121 })
	write(t, w, page)
	eventually(t, "another is dropped", func() bool { return c.Logged.Load()+c.Dropped.Load() == 122 })
	want(t, "logged", 48, c.Logged.Load())
	enlarge(t, disk, "1m")
	eventually(t, "the marker", func() bool { return markedIn(t, content(t, path)) == 74 })
	another(t, s, w, path, 49)
}

// blocked has the batch that completes a long line stand before a full disk, with its first pages written.
func blocked(t *testing.T, p *Pump, disk string, c *Counter, before int, parts ...string) (f *File, s *Stream, w *os.File) {
	t.Helper()
	path := filepath.Join(disk, "web.log")
	f = open(t, p, FileOptions{Path: path, OnFull: Block})
	s, w = attach(t, p, f, c)
	at := before * pageSize
	write(t, w, strings.Repeat(page, before))
	for _, part := range parts {
		eventually(t, "the file takes what comes before", func() bool { return len(content(t, path)) == at })
		write(t, w, part)
		at += len(part)
	}
	eventually(t, "the disk is full", func() bool { return f.Err() != nil })
	return f, s, w
}

// drops has a file drop what it does not take from now on, as a reload would. It says where the file is.
func drops(p *Pump, f *File) (path string) {
	path = f.names[0]
	p.Configure(FileOptions{Path: path, OnFull: Drop})
	return path
}

// What waits for its file ends the long line itself, whatever is dropped behind it.
func TestLinesThatAreDroppedBehindABatchDoNotCutItsLine(t *testing.T) {
	t.Parallel()
	disk, p := smallDisk(t, "256k"), newPump(t)
	var c Counter
	f, s, w := blocked(t, p, disk, &c, 20, longLine[:16*pageSize], longLine[16*pageSize:]+strings.Repeat(page, 100))
	path := drops(p, f)
	write(t, w, page)
	eventually(t, "another is dropped", func() bool { return c.Dropped.Load() == 1 })
	enlarge(t, disk, "1m")
	eventually(t, "what waited is written", func() bool { return c.Logged.Load() == 121 })
	eventually(t, "the marker", func() bool { return markedIn(t, content(t, path)) == 1 })
	another(t, s, w, path, 122)
}

// The end of a line is dropped whose beginning waits for its file: nothing of it stays, and no other line takes its place.
func TestALineWhoseEndIsDroppedBehindItsBeginningGoes(t *testing.T) {
	t.Parallel()
	disk, p := smallDisk(t, "256k"), newPump(t)
	var c Counter
	f, s, w := blocked(t, p, disk, &c, 50, longLine[:16*pageSize])
	path := drops(p, f)
	write(t, w, longLine[16*pageSize:]+page)
	eventually(t, "two are dropped", func() bool { return c.Dropped.Load() == 2 })
	enlarge(t, disk, "1m")
	eventually(t, "the marker", func() bool { return markedIn(t, content(t, path)) == 2 })
	another(t, s, w, path, 51)
	want(t, "dropped", 2, c.Dropped.Load())
}

// A process ends whose long line waits for a disk that stays full: that line is counted too.
func TestALineThatNobodyEndsIsCountedWhenItsStreamIsGivenUp(t *testing.T) {
	t.Parallel()
	disk, p := smallDisk(t, "256k"), newPump(t)
	var c Counter
	f, s, w := blocked(t, p, disk, &c, 50, longLine[:16*pageSize])
	path := drops(p, f)
	w.Close()
	s.Close()
	eventually(t, "it is counted", func() bool { return c.Dropped.Load() == 1 })
	enlarge(t, disk, "1m")
	eventually(t, "the marker", func() bool { return markedIn(t, content(t, path)) == 1 })
	want(t, "sent = logged + dropped", 51, c.Logged.Load()+c.Dropped.Load())
	want(t, "lines in the file", 50, whole(t, path))
}

// The pump is closed while a batch waits for its disk: the file ends with a line.
func TestAPumpThatIsClosedBeforeAFullDiskLeavesNoTornLine(t *testing.T) {
	t.Parallel()
	disk, p := smallDisk(t, "256k"), newPump(t)
	var c Counter
	f, _, _ := blocked(t, p, disk, &c, 50, longLine[:16*pageSize])
	path := f.names[0]
	p.Close()
	want(t, "lines in the file", 50, whole(t, path))
	want(t, "logged", 50, c.Logged.Load())
	want(t, "dropped", 1, c.Dropped.Load())
}
