package logs

import (
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
	write(t, w, page)
	finish(t, s)
	want(t, "logged at last", 49, c.Logged.Load())
	want(t, "lines in the file", 49, whole(t, path))
}
