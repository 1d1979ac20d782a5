package logs

import "bytes"

// splitter makes lines of pieces.
type splitter struct {
	rest []byte
	at   int64 // where the line begins that has no end yet
	long int64 // bytes of it that are not in rest
}

// begin has it start at a place of the file.
func (s *splitter) begin(at int64) { s.rest, s.at, s.long = nil, at, 0 }

func (s *splitter) add(text []byte, each func(line []byte, at int64, cut bool)) {
	for {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			s.keep(text)
			return
		}
		length := int64(i)
		if len(s.rest) == 0 && i <= LongestLine {
			each(text[:i], s.at, false)
		} else {
			s.keep(text[:i])
			length = int64(len(s.rest)) + s.long
			each(s.rest, s.at, s.long > 0)
			s.rest = s.rest[:0]
		}
		s.at, s.long = s.at+length+1, 0
		text = text[i+1:]
	}
}

func (s *splitter) keep(text []byte) {
	if room := LongestLine - len(s.rest); len(text) > room {
		s.long += int64(len(text) - room)
		text = text[:room]
	}
	s.rest = append(s.rest, text...)
}

// end gives what has no newline.
func (s *splitter) end(each func(line []byte, at int64, cut bool)) {
	if len(s.rest) > 0 {
		each(s.rest, s.at, s.long > 0)
	}
	s.rest = nil
}
