package logs

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
	"time"
)

// Query is what is looked for in a log.
type Query struct {
	Lines  int              // so many last ones; math.MaxInt is all
	Follow bool             // there will be a Next, for which an unfinished last line is left
	Since  time.Time        // the zero time is no bound; a line of unknown time is outside of every bound
	Until  time.Time        // likewise
	Match  func(*Line) bool // nil: all. It is asked more than once
	Look   int              // so many lines are looked at, and no compressed file; 0: all
}

// inTime says whether a line is within the bounds. over says that the lines before it are not either.
func (q *Query) inTime(line *Line) (within, over bool) {
	switch {
	case !q.Since.IsZero() && (!line.Known || line.Time.Before(q.Since)):
		return false, true
	case !q.Until.IsZero() && (!line.Known || line.Time.After(q.Until)):
		return false, !line.Known
	}
	return true, false
}

func (q *Query) matches(line *Line) bool { return q.Match == nil || q.Match(line) }

func (q *Query) wants(line *Line) bool {
	within, _ := q.inTime(line)
	return within && q.matches(line)
}

// Last is Each for few lines: they are held.
func (r *Reader) Last(q Query) (lines []Line, err error) {
	err = r.Each(q, func(line Line) bool {
		line.Text = bytes.Clone(line.Text)
		lines = append(lines, line)
		return true
	})
	return lines, err
}

// Each gives the last lines that are looked for, oldest first, until each wants no more. Their text is the reader's, and another one at the next
// call. They are read twice and never held, so that their number does not matter: first from the newest on, to find where they begin, then
// forwards. A log that does not exist has no lines.
func (r *Reader) Each(q Query, each func(Line) bool) error {
	found := search{Query: &q}
	err := r.search(&found)
	more := true
	for _, s := range slices.Backward(found.spans) {
		if more {
			var failed error
			if more, failed = give(s, &q, each); failed != nil && s.packed != "" {
				r.damaged(failed)
				failed = nil
			}
			err = errors.Join(err, failed)
		}
		if s.link != r.now {
			s.close()
		}
	}
	return err
}

// give gives the lines of a span.
func give(s span, q *Query, each func(Line) bool) (more bool, err error) {
	more = true
	var line Line // one for all: whoever is asked whether it matches has it on the heap
	err = s.forwards(s.from, s.to, func(next Line) bool {
		line = next
		switch {
		case !q.wants(&line):
		case s.skip > 0:
			s.skip--
		default:
			more = each(line)
		}
		return more
	})
	return more, err
}

// span is a part of one file in which there are lines that are looked for.
type span struct {
	*link
	from, to int64 // of a plain file
	skip     int   // so many that are looked for come before, in a compressed one
}

// search goes from the newest line to older ones until it knows where those begin that are looked for.
type search struct {
	*Query
	found  int // lines
	looked int
	over   bool   // what is older is not looked for
	spans  []span // newest first
}

func (s *search) full() bool { return s.over || s.found >= s.Lines }

// plain looks through a file from size backwards.
func (s *search) plain(l *link, size int64) error {
	to := size
	if !s.Until.IsZero() {
		to = l.index.endAt(s.Until, size)
	}
	from := int64(0)
	var err error
	if all := s.Lines == math.MaxInt; !all || !s.Since.IsZero() || s.Look > 0 {
		from = to
		var line Line
		err = backwards(l.file, to, 0, LongestLine, func(text []byte, at int64, cut bool) bool {
			if s.full() {
				return false
			}
			line = l.describe(text, at, cut)
			within, over := s.inTime(&line)
			if s.over = over; within {
				if s.looked++; s.Look > 0 && s.looked >= s.Look {
					s.over = true
				}
				if all || s.matches(&line) {
					s.found++
					from = at
				}
			}
			return !s.full()
		})
	}
	s.spans = append(s.spans, span{link: l, from: from, to: to})
	return err
}

// packed counts the lines of a compressed file, which can only be read from its beginning. What is wrong with it is told when they are given.
func (s *search) packed(l *link) {
	skip := 0
	if need := s.Lines - s.found; s.Lines != math.MaxInt {
		lines := 0
		var line Line
		_ = l.forwards(0, 0, func(next Line) bool {
			line = next
			if s.wants(&line) {
				lines++
			}
			return true
		})
		skip = max(0, lines-need)
		s.found += lines - skip
	}
	s.spans = append(s.spans, span{link: l, skip: skip})
}

// search finds the spans, and what Next goes on behind.
func (r *Reader) search(found *search) error {
	seen := map[identity]bool{}
	var last known // the one that was read last
	head, err := r.head()
	if err != nil {
		return err
	}
	if head != nil && head.size == 0 && slices.Contains(variants(r.name, 1), "") { // its writer may not know of it yet
		head.close()
		head = nil
	}
	if head != nil {
		seen[head.id], last = true, head.known()
		if err := r.beginAt(head, found); err != nil {
			return err
		}
	}
	headless := func() bool { return r.now == nil && r.before == (known{}) }
	for number, try := 1, 0; !found.full() || headless(); number++ {
		l, err := r.agedSurely(number, try >= shifts)
		if errors.Is(err, errShifting) {
			<-time.After(time.Millisecond)
			number, try = number-1, try+1
			continue
		}
		if try = 0; errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if l == nil && err == nil {
			continue
		}
		if err != nil {
			return err
		}
		if headless() && l.packed == "" { // whoever writes may go on into it
			seen[l.id], last = true, l.known()
			if err := r.beginAt(l, found); err != nil {
				return err
			}
			continue
		}
		if headless() {
			r.before = l.known()
		}
		if l.packed != "" && found.Look > 0 {
			l.close()
			return nil
		}
		old := !found.Since.IsZero() && l.changed.Before(found.Since)
		switch {
		case found.full() || seen[l.id] || r.since(l, number, last, head): // the last two were put aside since
			l.close()
		case l.packed != "":
			seen[l.id], last = true, l.known()
			found.packed(l)
		default:
			seen[l.id], last = true, l.known()
			err = found.plain(l, l.size)
		}
		found.over = found.over || old
		if err != nil {
			return err
		}
	}
	return nil
}

// beginAt takes the lines of the file of the log, and goes on behind them.
func (r *Reader) beginAt(head *link, found *search) (err error) {
	r.now, r.at = head, head.size
	if found.Follow {
		if r.at, err = lastEnd(head.file, head.size); err != nil {
			return err
		}
	}
	r.rest.begin(r.at)
	if found.full() {
		return nil
	}
	return found.plain(head, r.at)
}

// forwards gives every line of a file, cut at LongestLine, until each wants no more; of a plain one those between two places.
func (l *link) forwards(from, to int64, each func(Line) bool) error {
	var in io.Reader
	length := int64(tailChunk)
	if l.packed == "" {
		length = to - from
		in = io.NewSectionReader(l.file, from, length)
	} else if err := l.rewind(); err != nil {
		return err
	} else {
		in = l.unpacked
	}
	more := true
	take := func(text []byte, at int64, cut bool) {
		if more {
			more = each(l.describe(text, at, cut))
		}
	}
	var s splitter
	s.begin(from)
	for buffer := bufio.NewReaderSize(in, int(min(length, tailChunk))); more && length > 0; { // most ends of processes ask for a few lines
		part, err := buffer.ReadSlice('\n')
		s.add(part, take)
		switch {
		case err == io.EOF:
			s.end(take)
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return l.named(err)
		}
	}
	return nil
}

// lastEnd is where the last whole line ends.
func lastEnd(file io.ReaderAt, size int64) (int64, error) {
	chunk := make([]byte, tailChunk)
	for end := size; end > 0; {
		start := max(0, end-int64(len(chunk)))
		n, err := file.ReadAt(chunk[:end-start], start)
		if err != nil && err != io.EOF {
			return 0, err
		}
		if i := bytes.LastIndexByte(chunk[:n], '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}
