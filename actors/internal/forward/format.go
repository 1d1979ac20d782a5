package forward

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Severities of syslog, which journald shares.
const (
	severityErr  = 3
	severityInfo = 6
)

func severity(s *Source) int {
	if s.Stream == stderrStream {
		return severityErr
	}
	return severityInfo
}

// dress appends the message of a line.
type dress func(to []byte, c *cursor, text []byte) []byte

// plainLine is a line for people: "web:2 | text".
func plainLine(to []byte, c *cursor, text []byte) []byte {
	to = append(append(to, c.from.Process...), ':')
	to = append(strconv.AppendInt(to, int64(c.from.Clone), 10), " | "...)
	return append(append(to, text...), '\n')
}

// stamp has microseconds, which is all that RFC 5424 allows.
const stamp = "2006-01-02T15:04:05.000000Z07:00"

// What RFC 5424 allows for its fields, in bytes.
const (
	mostHost = 255
	mostApp  = 48
)

// syslogMessage is RFC 5424 for a facility and a host, without a frame.
func syslogMessage(facility int, host string) dress {
	host = string(appendPrintable(nil, host, mostHost))
	return func(to []byte, c *cursor, text []byte) []byte {
		to = strconv.AppendInt(append(to, '<'), int64(facility*8+severity(&c.from)), 10)
		to = append(to, ">1 "...)
		if c.at.IsZero() {
			to = append(to, '-')
		} else {
			to = c.at.AppendFormat(to, stamp)
		}
		to = append(append(append(to, ' '), host...), ' ')
		name := len(to)
		to = appendPrintable(to, c.from.Process, mostApp)
		changed := string(to[name:]) != c.from.Process
		to = append(to, ' ')
		if c.from.Pid > 0 {
			to = strconv.AppendInt(to, int64(c.from.Pid), 10)
		} else {
			to = append(to, '-')
		}
		// 32473 is the number that RFC 5612 sets aside for whoever has none.
		to = append(to, ` - [phorever@32473 clone="`...)
		to = append(strconv.AppendInt(to, int64(c.from.Clone), 10), `" run="`...)
		to = append(strconv.AppendInt(to, int64(c.from.Run), 10), `" stream="`...)
		to = appendParam(to, c.from.Stream)
		if changed {
			to = appendParam(append(to, `" process="`...), c.from.Process)
		}
		return appendMessage(append(to, `"] `...), text)
	}
}

// appendPrintable appends a field of a header. What is no printable US-ASCII becomes _, and nothing becomes -.
func appendPrintable(to []byte, text string, most int) []byte {
	if text == "" {
		return append(to, '-')
	}
	for _, c := range []byte(text[:min(len(text), most)]) {
		if c <= ' ' || c >= 0x7f {
			c = '_'
		}
		to = append(to, c)
	}
	return to
}

// appendParam appends a value of structured data, which has to be UTF-8. A control character could end the frame on a stream.
func appendParam(to []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '"' || r == '\\' || r == ']':
			to = append(to, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			to = append(to, '_')
		default:
			to = utf8.AppendRune(to, r) // U+FFFD for a byte that is none
		}
	}
	return to
}

// appendMessage appends the text as it is, but for NUL: collectors written in C end the message there. rsyslog writes #000 for it,
// and so do we.
func appendMessage(to, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, 0)
		if i < 0 {
			return append(to, text...)
		}
		to = append(append(to, text[:i]...), "#000"...)
		text = text[i+1:]
	}
}

// bounded cuts messages that are too long for a stream.
func bounded(message dress) dress {
	return func(to []byte, c *cursor, text []byte) []byte {
		start := len(to)
		to = message(to, c, text)
		return to[:start+len(cut(to[start:], mostStream))]
	}
}

// counted puts the length before each message: octet counting of RFC 6587.
func counted(message dress) dress {
	return func(to []byte, c *cursor, text []byte) []byte {
		start := len(to)
		to = message(to, c, text)
		var digits [20]byte
		prefix := append(strconv.AppendInt(digits[:0], int64(len(to)-start), 10), ' ')
		to = append(to, prefix...)
		copy(to[start+len(prefix):], to[start:])
		copy(to[start:], prefix)
		return to
	}
}

// ended puts a newline behind each message. The unix stream sockets of collectors know no octet counting.
func ended(message dress) dress {
	return func(to []byte, c *cursor, text []byte) []byte {
		return append(message(to, c, text), '\n')
	}
}

// journalEntry is an entry of journald. It stamps entries itself when they arrive, so the line's own time goes where that of a
// syslog message goes.
func journalEntry(to []byte, c *cursor, text []byte) []byte {
	from := &c.from
	to = appendField(to, "MESSAGE", text)
	to = append(to, "PRIORITY="...)
	to = append(to, byte('0'+severity(from)), '\n')
	to = appendText(to, "SYSLOG_IDENTIFIER", from.Process)
	if from.Pid > 0 {
		to = appendNumber(to, "SYSLOG_PID", from.Pid)
	}
	if !c.at.IsZero() {
		to = append(to, "SYSLOG_TIMESTAMP="...)
		to = append(c.at.AppendFormat(to, stamp), '\n')
	}
	to = appendText(to, "PHOREVER_PROCESS", from.Process)
	to = appendNumber(to, "PHOREVER_CLONE", from.Clone)
	to = appendNumber(to, "PHOREVER_RUN", from.Run)
	return appendText(to, "PHOREVER_STREAM", from.Stream)
}

func appendNumber(to []byte, name string, n int) []byte {
	return append(strconv.AppendInt(append(append(to, name...), '='), int64(n), 10), '\n')
}

// appendText appends a field of ours, whose value is rarely anything but plain.
func appendText(to []byte, name, value string) []byte {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == utf8.RuneError }) {
		return appendField(to, name, []byte(value))
	}
	return append(append(append(append(to, name...), '='), value...), '\n')
}

// appendField appends a field as text or, if it has other bytes, behind its length.
func appendField(to []byte, name string, value []byte) []byte {
	to = append(to, name...)
	if plain(value) {
		return append(append(append(to, '='), value...), '\n')
	}
	to = binary.LittleEndian.AppendUint64(append(to, '\n'), uint64(len(value)))
	return append(append(to, value...), '\n')
}

func plain(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' {
			return false
		}
	}
	return utf8.Valid(value)
}

// cutMarker ends a message that is too long for its datagram.
const cutMarker = " [cut]"

// cut shortens a message, in place, to so many bytes; not within a character if it is UTF-8.
func cut(message []byte, most int) []byte {
	if len(message) <= most {
		return message
	}
	n := most - len(cutMarker)
	for back := 0; back < utf8.UTFMax-1 && n > 0 && !utf8.RuneStart(message[n]); back++ {
		n--
	}
	return append(message[:n], cutMarker...)
}
