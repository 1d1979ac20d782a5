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

// line is the text of a line counted from 1, without its end.
func (s *source) line(number int) string {
	if number < 1 || number > len(s.starts) {
		return ""
	}
	text := s.data[s.starts[number-1]:]
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		text = text[:end]
	}
	return strings.TrimSuffix(string(text), "\r")
}

// place is a piece of a source.
type place struct {
	src        *source
	start, end int
}

// width is how many characters of the place lie on its first line, at least 1.
func (p place) width() int {
	text := p.src.data[min(p.start, len(p.src.data)):min(max(p.end, p.start), len(p.src.data))]
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		text = text[:end]
	}
	return max(1, utf8.RuneCount(bytes.TrimRight(text, "\r")))
}
