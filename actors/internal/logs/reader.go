package logs

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"
)

const (
	// LongestLine is where a Reader cuts a line, in bytes.
	LongestLine = 1 << 20
	// mostHeld, in bytes, bounds what Last holds.
	mostHeld = 64 << 20
	// mostAtOnce is how much Next reads before it returns, in bytes, so that several logs take turns.
	mostAtOnce = 1 << 20
)

// Line is a line of a log, without its newline, and what the index knows of it.
type Line struct {
	Text  []byte
	Known bool // what follows
	// Time is when it came, exact to a second where one process writes without a break; else to some milliseconds.
	Time   time.Time
	Clone  string // "web:2"
	Run    int
	Stderr bool
}

// Query is what is looked for in a log.
type Query struct {
	Lines  int              // so many last ones
	Follow bool             // there will be a Next, for which an unfinished last line is left
	Since  time.Time        // the zero time is no bound; a line of unknown time is outside of every bound
	Until  time.Time        // likewise
	Match  func(*Line) bool // nil: all
	Look   int              // so many lines are looked at, and no compressed file; 0: all

	looked int
}

// wants says whether a line is what is looked for. over says that the lines before it are not either.
func (q *Query) wants(line *Line) (wanted, over bool) {
	switch {
	case !q.Since.IsZero() && (!line.Known || line.Time.Before(q.Since)):
		return false, true
	case !q.Until.IsZero() && (!line.Known || line.Time.After(q.Until)):
		return false, !line.Known
	}
	q.looked++
	return q.Match == nil || q.Match(line), q.Look > 0 && q.looked >= q.Look
}

// Reader reads a log from its end: the file, and where that is too short what was put aside of it; then what comes. It needs no
// pump: what writes the file may be another process, or have ended. Bytes are as they are in the file. Not safe for concurrent use.
//
// A line is given once, also when the file is put aside, compressed, truncated or replaced meanwhile; except that what was removed
// before it was read is missing, which Next tells.
type Reader struct {
	chain
	now    *link // nil: there is no file yet
	before known // then the newest of those that were put aside, if it is compressed
	at     int64
	rest   splitter // the beginning of a line that has no end yet
	later  []*link
}

// NewReader makes a reader of the log at path, whose indexes are in a directory: "" for none.
func NewReader(path, indexes string) *Reader { return &Reader{chain: chain{path, indexes}} }

// Close gives the files back.
func (r *Reader) Close() {
	if r.now != nil {
		r.now.close()
	}
	closeAll(r.later)
	r.now, r.later = nil, nil
}

// Last is the last lines that are looked for, oldest first. Of a line longer than LongestTail only the beginning is kept. At most 64 MiB
// are held: where that is less, these are the last ones. A log that does not exist has no lines.
func (r *Reader) Last(q Query) ([]Line, error) {
	found := newest{Query: &q}
	seen := map[identity]bool{}
	var last known // the one that was read last
	head, err := r.head()
	if err != nil {
		return nil, err
	}
	if head != nil {
		seen[head.id], last = true, head.known()
		if err := r.beginAt(head, &found); err != nil {
			return nil, err
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
			break
		}
		if l == nil && err == nil {
			continue
		}
		if err != nil {
			return found.lines(), err
		}
		if headless() && l.unpacked == nil { // whoever writes may go on into it
			seen[l.id], last = true, l.known()
			if err := r.beginAt(l, &found); err != nil {
				return found.lines(), err
			}
			continue
		}
		if headless() {
			r.before = l.known()
		}
		if l.unpacked != nil && q.Look > 0 {
			l.close()
			break
		}
		if !seen[l.id] && !r.since(l, number, last, head) { // else it was put aside since
			seen[l.id], last = true, l.known()
			err = l.backwards(&found, l.size)
		}
		found.over = found.over || !q.Since.IsZero() && l.changed.Before(q.Since)
		l.close()
		if err != nil {
			return found.lines(), err
		}
	}
	return found.lines(), nil
}

// beginAt takes the lines of the file of the log, and goes on behind them.
func (r *Reader) beginAt(head *link, found *newest) (err error) {
	r.now, r.at = head, head.size
	if found.Follow {
		if r.at, err = lastEnd(head.file, head.size); err != nil {
			return err
		}
	}
	r.rest.begin(r.at)
	return head.backwards(found, r.at)
}

// newest collects lines from the newest on.
type newest struct {
	*Query
	held  int  // bytes
	over  bool // what is older is not looked for
	found []Line
}

func (c *newest) full() bool { return c.over || len(c.found) >= c.Lines || c.held >= mostHeld }

// add takes a line that is not held by anybody else, and says whether there may be more.
func (c *newest) add(line Line) bool {
	if c.full() {
		return false
	}
	wanted, over := c.wants(&line)
	if c.over = over; wanted {
		c.found = append(c.found, line)
		c.held += len(line.Text)
	}
	return !c.full()
}

func (c *newest) lines() []Line {
	slices.Reverse(c.found)
	return c.found
}

// backwards gives the lines of a file before size. Of a compressed one, which can only be read from its beginning, the last lines are
// held until its end is known.
func (l *link) backwards(found *newest, size int64) error {
	if l.unpacked == nil {
		if !found.Until.IsZero() {
			size = l.index.endAt(found.Until, size)
		}
		return backwards(l.file, size, 0, func(text []byte, at int64) bool { return found.add(l.describe(text, at)) })
	}
	var ring []Line
	need, held := found.Lines-len(found.found), 0
	err := forwards(l.unpacked, func(text []byte, at int64) {
		line := l.describe(text[:min(len(text), LongestTail)], at)
		if wanted, _ := found.wants(&line); !wanted {
			return
		}
		line.Text = bytes.Clone(line.Text)
		ring = append(ring, line)
		held += len(line.Text)
		for len(ring) > need || held > mostHeld {
			held -= len(ring[0].Text)
			ring = ring[1:]
		}
	})
	for _, line := range slices.Backward(ring) {
		found.found = append(found.found, line)
		found.held += len(line.Text)
	}
	return err
}

// forwards gives every line of a reader, cut at LongestLine, and where it begins.
func forwards(from io.Reader, each func(text []byte, at int64)) error {
	var s splitter
	buffer := bufio.NewReaderSize(from, tailChunk)
	for {
		part, err := buffer.ReadSlice('\n')
		s.add(part, each)
		switch {
		case err == io.EOF:
			s.end(each)
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// Next gives each line that has come since the last call, cut at LongestLine; for a flood only some of them, and more is true. Its text is
// the reader's, and another one at the next call. gap says that lines were removed before they could be read.
func (r *Reader) Next(each func(Line)) (more, gap bool, err error) {
	if r.now == nil { // there was no file; several may have come since
		if r.later, gap, err = r.successors(func() known { return r.before }); err != nil || len(r.later) == 0 {
			return false, false, err
		}
		r.now, r.later = r.later[0], r.later[1:]
		r.begin()
		return true, gap, nil
	}
	if more, err = r.drain(each); more || err != nil {
		return more, false, err
	}
	if len(r.later) == 0 {
		if r.later, gap, err = r.successors(r.now.knownNow); err != nil || len(r.later) == 0 {
			return false, false, err
		}
		if more, err = r.drain(each); err != nil { // what came before it was put aside, and was not there a moment ago
			return false, gap, err
		}
		for more && err == nil {
			more, err = r.drain(each)
		}
	}
	r.rest.end(func(text []byte, at int64) { each(r.now.describe(text, at)) })
	r.now.close()
	r.now, r.later = r.later[0], r.later[1:]
	r.begin()
	return true, gap, nil
}

// begin goes on at the beginning of the file at hand.
func (r *Reader) begin() {
	r.at = 0
	r.rest.begin(0)
}

// consult takes up what the index knows of bytes that were just read.
func (r *Reader) consult() {
	if l := r.now; l.index == nil { // perhaps these are its first
		l.index = openIndex(r.indexes, l.id, r.path)
	} else {
		l.index.refresh()
	}
}

// drain reads on in the file at hand.
func (r *Reader) drain(each func(Line)) (more bool, err error) {
	chunk := make([]byte, tailChunk)
	take := func(text []byte, at int64) { each(r.now.describe(text, at)) }
	for read := 0; read < mostAtOnce; {
		var n int
		if r.now.unpacked != nil {
			n, err = r.now.unpacked.Read(chunk)
		} else {
			n, err = r.now.file.ReadAt(chunk, r.at)
		}
		if n > 0 {
			r.consult()
		}
		r.rest.add(chunk[:n], take)
		r.at += int64(n)
		read += n
		switch {
		case err == io.EOF:
			if info := stat(r.now); r.now.unpacked == nil && info != nil && info.Size() < r.at { // it was truncated, and begins anew
				r.now.index.close()
				r.now.index = nil
				r.begin()
				return true, nil
			}
			return false, nil
		case err != nil:
			return false, err
		}
	}
	return true, nil
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
