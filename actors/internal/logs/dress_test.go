package logs

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var dressedAt = time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.FixedZone("", 3600))

func TestTheNameOfAStreamTellsWhoseItIs(t *testing.T) {
	for name, want := range map[string]origin{
		"web:2#13.out": {"web", 2, 13, "stdout"},
		"web:1#1.err":  {"web", 1, 1, "stderr"},
		"":             {"", 0, 0, "stdout"},
		"odd":          {"odd", 0, 0, "stdout"},
	} {
		if got := originOf(name); got != want {
			t.Errorf("%q: want %+v, got %+v", name, want, got)
		}
	}
}

func TestWhatStandsBeforeALine(t *testing.T) {
	who := originOf("web:2#13.err")
	for _, test := range []struct {
		form Form
		raw  string
		cut  bool
		want string
	}{
		{Form{Timestamps: true}, "one\n\ntwo\n", false, "2026-02-03T04:05:06.789+01:00 one\n2026-02-03T04:05:06.789+01:00 \n2026-02-03T04:05:06.789+01:00 two\n"},
		{Form{Prefix: true}, "one\n\x00\xff\n", false, "web:2 | one\nweb:2 | \x00\xff\n"},
		{Form{Prefix: true, Timestamps: true}, "end", false, "2026-02-03T04:05:06.789+01:00 web:2 | end\n"},
		{Form{Prefix: true}, "begin", true, "web:2 | begin" + CutMarker},
		{
			Form{JSON: true, Prefix: true}, "say \"hi\" \\ \x1b \t \xff ä\ncut", true,
			`{"time":"2026-02-03T04:05:06.789+01:00","process":"web","clone":2,"run":13,"stream":"stderr","line":"say \"hi\" \\ \u001b \t ` + "\ufffd ä\"}\n" +
				`{"time":"2026-02-03T04:05:06.789+01:00","process":"web","clone":2,"run":13,"stream":"stderr","line":"cut","cut":true}` + "\n",
		},
	} {
		got, taken, lines := test.form.dress(nil, test.form.front(who, dressedAt), []byte(test.raw), test.cut, mostDressed)
		if string(got) != test.want || taken != len(test.raw) || lines != lineCount(got) {
			t.Errorf("%+v: want %q, got %q (%d bytes, %d lines)", test.form, test.want, got, taken, lines)
		}
	}
}

// Whatever a line holds, its object is valid, and holds the line.
func TestAnyLineIsAValidObject(t *testing.T) {
	form := Form{JSON: true}
	front := form.front(originOf("a\"b:1#1.out"), dressedAt)
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SliceOf(rapid.Byte().Filter(func(b byte) bool { return b != '\n' })).Draw(t, "line")
		text, _, lines := form.dress(nil, front, append(line, '\n'), false, mostDressed)
		var got struct{ Process, Line string }
		if err := json.Unmarshal(text, &got); err != nil || lines != 1 || got.Process != "a\"b" || got.Line != strings.ToValidUTF8(string(line), "\ufffd") && !strings.Contains(got.Line, "\ufffd") {
			t.Fatalf("%q of %q: %v", text, line, err)
		}
	})
}

// A million empty lines are not held at once.
func TestADressedBatchIsBounded(t *testing.T) {
	form := Form{JSON: true}
	raw := []byte(strings.Repeat("\n", batchOfLines))
	front := form.front(originOf("web:1#1.out"), dressedAt)
	total := 0
	for left := raw; len(left) > 0; {
		text, taken, lines := form.dress(nil, front, left, false, mostDressed)
		if len(text) > mostDressed+1024 || taken != lines || taken == 0 {
			t.Fatalf("%d bytes of text, %d taken, %d lines", len(text), taken, lines)
		}
		left, total = left[taken:], total+lines
	}
	want(t, "lines", batchOfLines, total)
}

const batchOfLines = 128 << 10

// The pump puts it before each line, of several clones in one file, and none is lost or counted twice where the file is put aside.
func TestDressedLinesInTheirFile(t *testing.T) {
	path, p := logPath(t), newPump(t)
	f := open(t, p, FileOptions{Path: path, OnFull: Block, Form: Form{Prefix: true}, Rotate: Rotation{Size: 4 << 10, Keep: 1000}})
	const lines = 3000
	var c Counter
	s, w := attach(t, p, f, &c)
	numbered(w, "w", lines)
	write(t, w, "unfinished")
	finish(t, s)
	eventually(t, "all is logged", func() bool { return c.Logged.Load() == lines+1 }) // a run waits 200 ms for a file that is slow
	all := strings.Split(strings.TrimSuffix(strings.Join(asideFiles(t, path), ""), "\n"), "\n")
	want(t, "lines", lines+1, len(all))
	for i, line := range all[:lines] {
		if !strings.HasPrefix(line, ":0 | w ") {
			t.Fatalf("line %d: %q", i, line)
		}
	}
	want(t, "the last", ":0 | unfinished", all[lines])
	for _, name := range globbed(t, path+"*") {
		if size := len(content(t, name)); size > 4<<10 {
			t.Errorf("%s has %d bytes", filepath.Base(name), size)
		}
	}
}

func globbed(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return names
}
