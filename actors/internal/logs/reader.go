package logs

import (
	"bytes"
	"io"
	"time"
)

const (
	// LongestLine is where a Reader cuts a line, in bytes.
	LongestLine = 1 << 20
	// mostAtOnce is how much Next reads before it returns, in bytes, so that several logs take turns.
	mostAtOnce = 1 << 20
)

// Line is a line of a log, without its newline, and what the index knows of it.
type Line struct {
	Text  []byte
	Cut   bool // it is longer than LongestLine, and this is its beginning
	Known bool // what follows
	// Time is when it came, exact to a second where one process writes without a break; else to some milliseconds.
	Time   time.Time
	Clone  string // "web:2"
	Run    int
	Stderr bool
}

// Reader reads a log from its end: the file, and where that is too short what was put aside of it; then what comes. It needs no
// pump: what writes the file may be another process, or have ended. Bytes are as they are in the file. Not safe for concurrent use.
//
// A line is given once, also when the file is put aside, compressed, truncated or replaced meanwhile; except that what was removed
// before it was read is missing, which Next tells.
type Reader struct {
	// Damaged, if it is set, is told of each compressed file that cannot be read, or not to its end. What can be read is given.
	Damaged func(error)
	chain
	now    *link // nil: there is no file yet
	before known // then the newest of those that were put aside, if it is compressed
	at     int64
	rest   splitter // the beginning of a line that has no end yet
	later  []*link
}

// NewReader makes a reader of the log at path, whose indexes are in a directory: "" for none.
func NewReader(path, indexes string) *Reader {
	return &Reader{chain: chain{path: path, indexes: indexes}}
}

// Close gives the files back.
func (r *Reader) Close() {
	if r.now != nil {
		r.now.close()
	}
	closeAll(r.later)
	r.now, r.later = nil, nil
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
	r.rest.end(func(text []byte, at int64, cut bool) { each(r.now.describe(text, at, cut)) })
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
		l.index = openIndex(r.indexes, l.id, l.log)
	} else {
		l.index.refresh()
	}
}

// drain reads on in the file at hand.
func (r *Reader) drain(each func(Line)) (more bool, err error) {
	chunk := make([]byte, tailChunk)
	take := func(text []byte, at int64, cut bool) { each(r.now.describe(text, at, cut)) }
	for read := 0; read < mostAtOnce; {
		var n int
		switch {
		case r.now.packed == "":
			n, err = r.now.file.ReadAt(chunk, r.at)
		case r.now.unpacked == nil:
			if err := r.now.rewind(); err != nil {
				r.damaged(err)
				r.now.unpacked = bytes.NewReader(nil)
			}
		default:
			n, err = r.now.unpacked.Read(chunk)
		}
		if n > 0 {
			r.consult()
		}
		r.rest.add(chunk[:n], take)
		r.at += int64(n)
		read += n
		switch {
		case err == io.EOF:
			if info := stat(r.now); r.now.packed == "" && info != nil && info.Size() < r.at { // it was truncated, and begins anew
				r.now.index.close()
				r.now.index = nil
				r.begin()
				return true, nil
			}
			return false, nil
		case err != nil && r.now.packed != "": // there is a later one
			r.damaged(r.now.named(err))
			r.now.unpacked = bytes.NewReader(nil)
			r.rest.begin(r.at)
			return false, nil
		case err != nil:
			return false, err
		}
	}
	return true, nil
}

func (r *Reader) damaged(err error) {
	if r.Damaged != nil {
		r.Damaged(err)
	}
}
