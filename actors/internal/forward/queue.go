package forward

import (
	"bytes"
	"encoding/binary"
	"math"
	"sync"
	"time"
)

// Source is whose lines they are.
type Source struct {
	Process    string // names of more than 255 bytes are cut
	Clone, Run int
	Stream     string // "stdout" or "stderr"; lines of stderr are errors to a collector
	Pid        int    // 0 if it is not known
}

// queue is the bounded buffer: a ring of records. Each is the lines of one call of Offer behind their source. Those who offer
// write behind the tail and hold the lock; one goroutine reads from the head without it, since nobody writes there before it
// has moved the head.
type queue struct {
	mu         sync.Mutex
	ring       []byte
	head, tail int64 // count bytes from the beginning, not from the start of the ring
	waiting    bool  // the reader sleeps
	wake       chan struct{}
	now        func() time.Time

	offered, sent, dropped int64 // lines

	full   bool      // lines are being dropped until there is much room
	lost   int64     // lines dropped that the reader has not told of
	since  time.Time // the first of them
	closed bool
	final  bool // nothing is counted as sent any more
}

// headSize is what a record begins with: time, clone, run, pid, the length of the text, and those of two names.
const headSize = 5*8 + 2

// never is the time of lines that have none.
const never = math.MinInt64

var newline = []byte{'\n'}

func newQueue(size int, now func() time.Time) *queue {
	return &queue{ring: make([]byte, size), wake: make(chan struct{}, 1), now: now}
}

// linesIn counts lines; one without its end is a line too.
func linesIn(text []byte) int64 {
	n := bytes.Count(text, newline)
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	return int64(n)
}

// offer takes what fits, which ends with a whole line, and counts the rest as dropped.
func (q *queue) offer(s Source, at time.Time, text []byte) {
	lines := linesIn(text)
	process, stream := short(s.Process), short(s.Stream)
	stamp := int64(never)
	if !at.IsZero() {
		stamp = at.UnixNano()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.offered += lines
	if q.closed {
		q.dropped += lines
		return
	}
	if q.full {
		q.lose(lines)
		return
	}
	fits, room := len(text), len(q.ring)-q.used()-headSize-len(process)-len(stream)
	if fits > room {
		fits = bytes.LastIndexByte(text[:max(0, room)], '\n') + 1
		// One line that is longer than all there is does not shut the door behind it.
		q.full = q.used()+fits > len(q.ring)/2
		q.lose(lines - int64(bytes.Count(text[:fits], newline)))
	}
	if fits == 0 {
		return
	}
	var head [headSize]byte
	binary.LittleEndian.PutUint64(head[0:], uint64(stamp))
	binary.LittleEndian.PutUint64(head[8:], uint64(s.Clone))
	binary.LittleEndian.PutUint64(head[16:], uint64(s.Run))
	binary.LittleEndian.PutUint64(head[24:], uint64(s.Pid))
	binary.LittleEndian.PutUint64(head[32:], uint64(fits))
	head[40], head[41] = byte(len(process)), byte(len(stream))
	put(q, head[:])
	put(q, process)
	put(q, stream)
	put(q, text[:fits])
	if q.waiting {
		q.rouse()
	}
}

func (q *queue) used() int { return int(q.tail - q.head) }

func short(name string) string { return name[:min(len(name), math.MaxUint8)] }

func put[T string | []byte](q *queue, data T) {
	i := int(q.tail % int64(len(q.ring)))
	n := copy(q.ring[i:], data)
	copy(q.ring, data[n:])
	q.tail += int64(len(data))
}

// lose counts lines as dropped, and has the reader tell of the first of them.
func (q *queue) lose(lines int64) {
	q.dropped += lines
	if q.lost == 0 {
		q.since = q.now()
		q.rouse()
	}
	q.lost += lines
}

func (q *queue) rouse() {
	q.waiting = false
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// close has all further lines dropped.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.rouse()
}

// finish counts as dropped what was not sent until now, and lines that were and have to be sent again.
func (q *queue) finish(again int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.final {
		return
	}
	q.closed, q.final = true, true
	q.sent -= int64(again)
	q.dropped = q.offered - q.sent
}

func (q *queue) counts() (sent, dropped int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.sent, q.dropped
}

// state says up to where there are records, and whether more can come. From a reader that has none, the next one wakes it.
func (q *queue) state(c *cursor) (end int64, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = c.pos == q.tail
	return q.tail, q.closed
}

// release gives up the room before a cursor, behind lines that were sent or, if they cannot be, are dropped.
func (q *queue) release(c *cursor, sent, unsendable int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.head = c.pos
	if q.used() <= len(q.ring)/2 {
		q.full = false
	}
	if q.final {
		return
	}
	q.sent += int64(sent)
	if unsendable > 0 {
		q.lose(int64(unsendable))
	}
}

// loss is how many lines were dropped that nobody was told of, since when, and whether there are more to come. It begins anew
// if there are not and the reader will tell.
func (q *queue) loss(tell bool) (lines int64, since time.Time, full bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines, since = q.lost, q.since
	if tell && !q.full {
		q.lost = 0
	}
	return lines, since, q.full
}

// cursor is how far the reader is, and the record it is in.
type cursor struct {
	pos  int64
	left int // bytes of the record's text from there on
	from Source
	at   time.Time
}

// line reads the next line before end. It is in the ring, or in the scratch buffer if it goes over the ring's edge.
func (q *queue) line(c *cursor, end int64, scratch *[]byte) (text []byte, ok bool) {
	if c.left == 0 {
		if c.pos == end {
			return nil, false
		}
		q.enter(c)
	}
	first, second := q.at(c.pos, c.left)
	i := bytes.IndexByte(first, '\n')
	if i >= 0 {
		return first[:i], c.skip(i + 1)
	}
	if len(second) == 0 {
		return first, c.skip(len(first))
	}
	past := bytes.IndexByte(second, '\n')
	taken := past + 1
	if past < 0 {
		past, taken = len(second), len(second)
	}
	*scratch = append(append((*scratch)[:0], first...), second[:past]...)
	return *scratch, c.skip(len(first) + taken)
}

func (c *cursor) skip(n int) bool {
	c.pos += int64(n)
	c.left -= n
	return true
}

// at is what is in the ring from a place, in two pieces if it goes over the edge.
func (q *queue) at(pos int64, n int) (first, second []byte) {
	i := int(pos % int64(len(q.ring)))
	first = q.ring[i:min(i+n, len(q.ring))]
	return first, q.ring[:n-len(first)]
}

// enter reads the head of a record. Mostly it is the same process again, and then nothing is allocated.
func (q *queue) enter(c *cursor) {
	var buffer [headSize + 2*math.MaxUint8]byte
	read := func(n int) []byte {
		first, second := q.at(c.pos, n)
		c.pos += int64(n)
		return append(append(buffer[:0], first...), second...)
	}
	head := read(headSize)
	number := func(i int) int { return int(int64(binary.LittleEndian.Uint64(head[i:]))) }
	c.at = time.Time{}
	if stamp := int64(binary.LittleEndian.Uint64(head)); stamp != never {
		c.at = time.Unix(0, stamp).UTC()
	}
	c.from.Clone, c.from.Run, c.from.Pid, c.left = number(8), number(16), number(24), number(32)
	process, stream := int(head[40]), int(head[41])
	if name := read(process); string(name) != c.from.Process {
		c.from.Process = string(name)
	}
	if name := read(stream); string(name) != c.from.Stream {
		c.from.Stream = string(name)
	}
}
