package forward

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestSyslogMessages(t *testing.T) {
	const sd = ` - [phorever@32473 clone="2" run="13" stream="stdout"] `
	for _, c := range []struct {
		facility int
		host     string
		change   func(*cursor)
		text     string
		want     string
	}{
		{3, "box", func(*cursor) {}, "hello", "<30>1 2026-03-01T12:00:00.123456Z box web 4711" + sd + "hello"},
		{16, "", func(c *cursor) { c.from.Pid = 0 }, "", "<134>1 2026-03-01T12:00:00.123456Z - web -" + sd},
		{3, "b x\x80", func(c *cursor) { c.at = time.Time{} }, "a\x00\x00\x01\tb", "<30>1 - b_x_ web 4711" + sd + "a#000#000\x01\tb"},
		{0, "box", func(c *cursor) { c.from.Stream = "stderr" }, "x",
			`<3>1 2026-03-01T12:00:00.123456Z box web 4711 - [phorever@32473 clone="2" run="13" stream="stderr"] x`},
		{3, "box", func(c *cursor) { c.from.Process, c.from.Stream = "ä b\n\"]\\\xff", `"]\`+"\n" }, "x",
			`<30>1 2026-03-01T12:00:00.123456Z box ___b_"]\_ 4711 - ` +
				`[phorever@32473 clone="2" run="13" stream="\"\]\\_" process="ä b_\"\]\\` + "\ufffd" + `"] x`},
		{3, "box", func(c *cursor) { c.from.Process = "" }, "x",
			`<30>1 2026-03-01T12:00:00.123456Z box - 4711 - [phorever@32473 clone="2" run="13" stream="stdout" process=""] x`},
		{3, "box", func(c *cursor) { c.from.Process = strings.Repeat("n", 60) }, "x",
			`<30>1 2026-03-01T12:00:00.123456Z box ` + strings.Repeat("n", 48) + ` 4711 - ` +
				`[phorever@32473 clone="2" run="13" stream="stdout" process="` + strings.Repeat("n", 60) + `"] x`},
	} {
		at := cursor{from: web, at: noon}
		c.change(&at)
		got := string(syslogMessage(c.facility, c.host)(nil, &at, []byte(c.text)))
		if got != c.want {
			t.Errorf("message is\n%q, want\n%q", got, c.want)
		}
		if m, err := parseMessage(got); err != nil || m.text != strings.ReplaceAll(c.text, "\x00", "#000") {
			t.Errorf("%q reads back as %+v, %v", got, m, err)
		}
	}
}

func TestFramesOfStreams(t *testing.T) {
	message := func(to []byte, _ *cursor, text []byte) []byte { return append(to, text...) }
	got := counted(message)([]byte("before"), nil, []byte("0123456789"))
	if want := "before10 0123456789"; string(got) != want {
		t.Errorf("counted is %q, want %q", got, want)
	}
	if got, want := ended(message)(nil, nil, []byte("x")), "x\n"; string(got) != want {
		t.Errorf("ended is %q, want %q", got, want)
	}
}

func TestPlainLines(t *testing.T) {
	if got, want := string(plainLine(nil, &cursor{from: web}, []byte("hi"))), "web:2 | hi\n"; got != want {
		t.Errorf("line is %q, want %q", got, want)
	}
}

func TestJournalEntries(t *testing.T) {
	for _, text := range []string{"hello", "", "tab\there", "bell\a", "no \xff UTF-8", "a=b\x00", "ä"} {
		for _, name := range []string{"web", "a\nPRIORITY=0", "\xff"} {
			at := cursor{from: web, at: noon}
			at.from.Process = name
			got, err := parseEntry(journalEntry(nil, &at, []byte(text)))
			want := map[string]string{
				"MESSAGE": text, "PRIORITY": "6", "SYSLOG_IDENTIFIER": name, "SYSLOG_PID": "4711", "SYSLOG_TIMESTAMP": "2026-03-01T12:00:00.123456Z",
				"PHOREVER_PROCESS": name, "PHOREVER_CLONE": "2", "PHOREVER_RUN": "13", "PHOREVER_STREAM": "stdout",
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("entry of %q is %q, %v; want %q", text, got, err, want)
			}
		}
	}
	at := cursor{from: Source{Process: "x", Stream: "stderr"}}
	if got, want := string(journalEntry(nil, &at, []byte("m"))), "MESSAGE=m\nPRIORITY=3\nSYSLOG_IDENTIFIER=x\n"+
		"PHOREVER_PROCESS=x\nPHOREVER_CLONE=0\nPHOREVER_RUN=0\nPHOREVER_STREAM=stderr\n"; got != want {
		t.Errorf("entry is %q, want %q", got, want)
	}
}

func TestCutKeepsCharactersWhole(t *testing.T) {
	for _, c := range []struct {
		message string
		most    int
		want    string
	}{
		{"0123456789", 10, "0123456789"},
		{"0123456789", 9, "012 [cut]"},
		{"01ää456789", 9, "01 [cut]"},
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 9, " [cut]"},
	} {
		if got := string(cut([]byte(c.message), c.most)); got != c.want {
			t.Errorf("cut(%q, %d) is %q, want %q", c.message, c.most, got, c.want)
		}
	}
}

// parseEntry reads journald's protocol.
func parseEntry(data []byte) (map[string]string, error) {
	fields := map[string]string{}
	for len(data) > 0 {
		head, rest, ok := bytes.Cut(data, newline)
		if !ok {
			return nil, errors.New("no end")
		}
		if name, value, ok := bytes.Cut(head, []byte{'='}); ok {
			fields[string(name)], data = string(value), rest
			continue
		}
		if len(rest) < 8 {
			return nil, errors.New("no length")
		}
		n := binary.LittleEndian.Uint64(rest)
		if rest = rest[8:]; n >= uint64(len(rest)) || rest[n] != '\n' {
			return nil, fmt.Errorf("%q has not %d bytes and an end", head, n)
		}
		fields[string(head)], data = string(rest[:n]), rest[n+1:]
	}
	return fields, nil
}

// message is what the parser of the tests makes of RFC 5424.
type message struct {
	priority               int
	time, host, app, procs string
	params                 map[string]string
	text                   string
}

func parseMessage(s string) (m message, err error) {
	parts := strings.SplitN(s, " ", 7)
	if len(parts) != 7 {
		return m, errors.New("too few fields")
	}
	number, version, _ := strings.Cut(strings.TrimPrefix(parts[0], "<"), ">")
	if m.priority, err = strconv.Atoi(number); err != nil || m.priority > 191 || version != "1" {
		return m, fmt.Errorf("priority and version %q", parts[0])
	}
	m.time, m.host, m.app, m.procs = parts[1], parts[2], parts[3], parts[4]
	for i, most := range []int{0, 32, 255, 48, 128, 32} {
		if i > 0 && (parts[i] == "" || len(parts[i]) > most || strings.ContainsFunc(parts[i], func(r rune) bool { return r <= ' ' || r > '~' })) {
			return m, fmt.Errorf("field %d is %q", i, parts[i])
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, m.time); m.time != "-" && err != nil {
		return m, err
	}
	rest, ok := strings.CutPrefix(parts[6], "[phorever@32473")
	m.params = map[string]string{}
	for ok && strings.HasPrefix(rest, " ") {
		var name string
		if name, rest, ok = strings.Cut(rest[1:], `="`); !ok {
			break
		}
		var value []byte
		for len(rest) > 0 && rest[0] != '"' {
			if rest[0] == ']' {
				return m, errors.New("] is not escaped")
			}
			if rest[0] == '\\' {
				rest = rest[1:]
			}
			if len(rest) > 0 {
				value, rest = append(value, rest[0]), rest[1:]
			}
		}
		if !utf8.Valid(value) || !strings.HasPrefix(rest, `"`) {
			return m, fmt.Errorf("%s is %q", name, value)
		}
		m.params[name], rest = string(value), rest[1:]
	}
	m.text, ok = strings.CutPrefix(rest, "] ")
	if !ok {
		return m, fmt.Errorf("the structured data has no end: %q", rest)
	}
	return m, nil
}

func FuzzSyslogMessage(f *testing.F) {
	f.Add("web", "stdout", "box", 2, 13, 4711, int64(1), []byte("hello"))
	f.Add("a\"b]\\", "\x00", "", -1, 0, 0, int64(-1), []byte("\x00]\" \xff"))
	f.Fuzz(func(t *testing.T, process, stream, host string, clone, run, pid int, at int64, text []byte) {
		text = bytes.ReplaceAll(text, newline, nil)
		c := cursor{from: Source{process, clone, run, stream, pid}, at: time.Unix(0, at).UTC()}
		wire := string(counted(syslogMessage(3, host))(nil, &c, text))
		length, wire, _ := strings.Cut(wire, " ")
		if length != strconv.Itoa(len(wire)) {
			t.Fatalf("length %s of %d bytes", length, len(wire))
		}
		m, err := parseMessage(wire)
		if err != nil {
			t.Fatalf("%q: %v", wire, err)
		}
		if want := strings.ReplaceAll(string(text), "\x00", "#000"); m.text != want {
			t.Errorf("text is %q, want %q", m.text, want)
		}
		if m.params["clone"] != strconv.Itoa(clone) || m.params["run"] != strconv.Itoa(run) {
			t.Errorf("parameters are %q", m.params)
		}
		if strings.ContainsAny(strings.TrimSuffix(wire, m.text), "\x00\n\r") {
			t.Errorf("control characters before the text of %q", wire)
		}
	})
}
