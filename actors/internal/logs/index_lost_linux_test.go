package logs

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// An index that takes no more, as on a full disk, gives no line to a wrong process: whose they are is not known then, and is again later.
func TestAnIndexThatTakesNoMoreClaimsNothing(t *testing.T) {
	p, indexes := indexedPump(t)
	path := logPath(t)
	f := open(t, p, FileOptions{Path: path})
	first, w1 := named(t, p, "web:1#1.out", f)
	second, w2 := named(t, p, "web:2#1.out", f)
	line := 0
	say := func(s *Stream, w interface{ WriteString(string) (int, error) }) {
		line++
		if _, err := w.WriteString(fmt.Sprintf("%s %d\n", s.name, line)); err != nil {
			t.Fatal(err)
		}
		finish(t, s)
	}
	broken := make(chan bool, 1)
	eventually(t, "the index is open", func() bool {
		say(second, w2)
		say(first, w1)
		p.post(func() {
			open := f.noted.writer != nil
			if open {
				_ = f.noted.writer.file.Close() // the next cell is refused
			}
			broken <- open
		})
		return <-broken
	})
	lost := line + 1
	say(second, w2)
	for range 5 {
		time.Sleep(2 * time.Millisecond) // they may come together
		say(first, w1)
		say(second, w2)
	}
	known := 0
	r := indexReader(t, path, indexes)
	lines, err := r.Last(Query{Lines: math.MaxInt})
	want(t, "error", nil, err)
	want(t, "lines", line, len(lines))
	for _, l := range lines {
		if l.Known {
			known++
			rightly(t, l)
		}
	}
	if known == 0 || known > line-lost {
		t.Errorf("of %d lines %d are known, of which the first %d cannot be", line, known, lost)
	}
}
