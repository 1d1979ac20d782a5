package spec

import (
	"bytes"
	"sort"
	"strings"
	"unicode/utf8"
)

// source is one file's text, able to say where in it a byte lies.
type source struct {
	path   string // absolute
	shown  string // as problems name it
	data   []byte // without a byte order mark
	starts []int  // the offset of each line
	broken bool   // it is no JSON
	order  int    // main file first, then the included ones in their order
}

func newSource(path, shown string, data []byte) *source {
	s := &source{path: path, shown: shown, data: data, starts: []int{0}}
	for i, c := range data {
		if c == '\n' {
			s.starts = append(s.starts, i+1)
		}
	}
	return s
}

// position is the line and column of an offset, both from 1, the column in characters.
func (s *source) position(offset int) (line, column int) {
	offset = min(max(offset, 0), len(s.data))
	line = sort.SearchInts(s.starts, offset+1)
	return line, 1 + utf8.RuneCount(s.data[s.starts[line-1]:offset])
}

// maxLine is how long a line may be to be kept as an excerpt: in a file without line ends it would be all of it.
const maxLine = 4096

// excerpt is the text of a line counted from 1, without its end; "" for one that is too long.
func (s *source) excerpt(number int) string {
	from, to := s.starts[number-1], len(s.data)
	if number < len(s.starts) {
		to = s.starts[number] - 1
	}
	if to-from > maxLine {
		return ""
	}
	return strings.TrimSuffix(string(s.data[from:to]), "\r")
}

// place is a piece of a source.
type place struct {
	src        *source
	start, end int
}

// line is the line on which the place begins, from 1.
func (p place) line() int { return sort.SearchInts(p.src.starts, p.start+1) }

// width is how many characters of the place lie on its first line, at least 1.
func (p place) width() int {
	start := min(p.start, len(p.src.data))
	text := p.src.data[start:min(max(p.end, start), start+maxLine, len(p.src.data))]
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		text = text[:end]
	}
	return max(1, utf8.RuneCount(bytes.TrimRight(text, "\r")))
}
