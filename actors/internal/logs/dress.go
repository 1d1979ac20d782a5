package logs

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Form is how lines stand in their file. The zero value leaves them as they are.
type Form struct {
	JSON       bool `json:"json,omitempty"`       // an object a line: time, process, clone, run, stream, line; the others mean nothing then
	Timestamps bool `json:"timestamps,omitempty"` // the time, in milliseconds, before each line
	Prefix     bool `json:"prefix,omitempty"`     // whose line it is, before each line: "web:2 | "
}

// mostDressed, in bytes, is about how large a batch gets by what is put before its lines: a million empty lines are not held at once.
const mostDressed = 256 << 10

// origin is whose lines a stream carries.
type origin struct {
	process    string
	clone, run int
	stream     string
}

// originOf reads the name of a stream: "web:2#13.err".
func originOf(name string) origin {
	o := origin{process: name, stream: stdoutStream}
	clone, run, ok := strings.Cut(name, "#")
	if !ok {
		return o
	}
	if number, err := strings.CutSuffix(run, ".err"); err {
		run, o.stream = number, stderrStream
	} else {
		run = strings.TrimSuffix(run, ".out")
	}
	o.run, _ = strconv.Atoi(run)
	if i := strings.LastIndexByte(clone, ':'); i >= 0 {
		o.process = clone[:i]
		o.clone, _ = strconv.Atoi(clone[i+1:])
	}
	return o
}

// What streams are called.
const (
	stdoutStream = "stdout"
	stderrStream = "stderr"
)

const stamp = "2006-01-02T15:04:05.000Z07:00"

// front is what comes before the text of each line.
func (f Form) front(o origin, at time.Time) []byte {
	var to []byte
	if f.JSON {
		to = append(at.AppendFormat(append(to, `{"time":"`...), stamp), `","process":`...)
		to = append(appendQuoted(to, []byte(o.process)), `,"clone":`...)
		to = append(strconv.AppendInt(to, int64(o.clone), 10), `,"run":`...)
		to = append(strconv.AppendInt(to, int64(o.run), 10), `,"stream":"`...)
		return append(append(to, o.stream...), `","line":`...)
	}
	if f.Timestamps {
		to = append(at.AppendFormat(to, stamp), ' ')
	}
	if f.Prefix {
		to = append(to, o.process...)
		to = append(strconv.AppendInt(append(to, ':'), int64(o.clone), 10), " | "...)
	}
	return to
}

// line appends one line. cut says that it goes on in the next one.
func (f Form) line(to, front, text []byte, cut bool) []byte {
	to = append(to, front...)
	switch {
	case f.JSON && cut:
		return append(appendQuoted(to, text), `,"cut":true}`+"\n"...)
	case f.JSON:
		return append(appendQuoted(to, text), "}\n"...)
	case cut:
		return append(append(to, text...), CutMarker...)
	}
	return append(append(to, text...), '\n')
}

// dress appends the lines of raw to a text. What has no newline at the end is a line too, one that goes on if cut says so. It stops
// when the text has most bytes: taken is how much of raw is in it, in so many lines.
func (f Form) dress(to, front, raw []byte, cut bool, most int) (text []byte, taken, lines int) {
	for taken < len(raw) && len(to) < most {
		rest := raw[taken:]
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			to = f.line(to, front, rest, cut)
			taken = len(raw)
		} else {
			to = f.line(to, front, rest[:i], false)
			taken += i + 1
		}
		lines++
	}
	return to, taken, lines
}

// appendQuoted appends a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendQuoted(to, text []byte) []byte {
	const digits = "0123456789abcdef"
	to = append(to, '"')
	for len(text) > 0 {
		c := text[0]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				to = append(to, '\\', c)
			case c == '\t':
				to = append(to, '\\', 't')
			case c < ' ' || c == 0x7f:
				to = append(to, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			default:
				to = append(to, c)
			}
			text = text[1:]
			continue
		}
		r, size := utf8.DecodeRune(text)
		to = utf8.AppendRune(to, r) // U+FFFD for a byte that is none
		text = text[size:]
	}
	return append(to, '"')
}

// endOf is how many bytes the first lines are.
func endOf(text []byte, lines int) int {
	at := 0
	for ; lines > 0; lines-- {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	return at
}
