package logs

import (
	"bytes"
	"testing"
)

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name         string
		seen         string
		last, inside bool
		want         cut
	}{
		{"whole lines", "a\nb\n", false, false, cut{take: 4, lines: 2}},
		{"an unfinished line stays", "a\nb", false, false, cut{take: 2, lines: 1}},
		{"nothing but the beginning of a line", "abc", false, false, cut{}},
		{"a long beginning goes", "abcdefgh", false, false, cut{take: 8, open: true}},
		{"a long line after a whole one waits for the next look", "a\nabcdefgh", false, false, cut{take: 2, lines: 1}},
		{"the middle of a line", "abc", false, true, cut{take: 3, open: true}},
		{"the end of a line", "abc\nd", false, true, cut{take: 4, lines: 1}},
		{"the end of the output", "a\nb", true, false, cut{take: 3, lines: 2, close: true}},
		{"the end of the output at the end of a line", "a\n", true, false, cut{take: 2, lines: 1}},
		{"the end of the output inside a line", "", true, true, cut{lines: 1, close: true}},
		{"nothing at all", "", true, false, cut{}},
	} {
		if got := decide([]byte(test.seen), test.last, test.inside, 8); got != test.want {
			t.Errorf("%s: want %+v, got %+v", test.name, test.want, got)
		}
	}
}

// However the output is looked at, what comes out is the same, whole, and counted.
func FuzzDecide(f *testing.F) {
	f.Add([]byte("one\ntwo\nthree"), uint64(3), 8)
	f.Add([]byte("a long line without an end for a while\nb\n\n"), uint64(99), 4)
	f.Fuzz(func(t *testing.T, output []byte, looks uint64, longest int) {
		longest = 1 + max(longest, -longest)%64
		var file []byte
		lines, inside := 0, false
		for from, to := 0, 0; from < len(output) || inside; {
			looks = looks*6364136223846793005 + 1442695040888963407
			to = min(len(output), max(to, from)+int(looks>>60))
			last := to == len(output)
			c := decide(output[from:to], last, inside, longest)
			file = append(file, output[from:from+c.take]...)
			from += c.take
			lines += c.lines
			if c.take > 0 || c.close {
				inside = c.open
			}
			if c.close {
				file = append(file, '\n')
			}
			if last && c.take == 0 && !c.close {
				t.Fatalf("stuck at %d of %d", from, len(output))
			}
			if c.open && file[len(file)-1] == '\n' || !inside && len(file) > 0 && file[len(file)-1] != '\n' {
				t.Fatalf("%+v, but the file is %q", c, file)
			}
		}
		want := output
		if len(want) > 0 && want[len(want)-1] != '\n' {
			want = append(bytes.Clone(want), '\n')
		}
		if !bytes.Equal(file, want) || lines != bytes.Count(want, newline) {
			t.Errorf("want %q, got %q and %d lines", want, file, lines)
		}
	})
}
