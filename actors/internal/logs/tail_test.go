package logs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTail(t *testing.T) {
	long := strings.Repeat("a", 3*LongestTail)
	for _, test := range []struct {
		name, text string
		n          int
		want       []string
	}{
		{"nothing", "", 3, nil},
		{"none asked", "a\n", 0, nil},
		{"fewer than asked", "a\nb\n", 3, []string{"a", "b"}},
		{"exactly", "a\nb\nc\n", 3, []string{"a", "b", "c"}},
		{"more than asked", "a\nb\nc\nd\n", 2, []string{"c", "d"}},
		{"unfinished", "a\nb\nc", 2, []string{"b", "c"}},
		{"empty lines", "\n\n\n", 2, []string{"", ""}},
		{"one empty line", "\n", 2, []string{""}},
		{"control bytes", "\x1b[31m\x00\xff\n", 1, []string{"\x1b[31m\x00\xff"}},
		{"long line", "a\n" + long + "\nb\n", 3, []string{"a", long[:LongestTail], "b"}},
		{"long only line", long, 1, []string{long[:LongestTail]}},
	} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Tail(path, test.n)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: want %.80q, got %.80q, %v", test.name, test.want, got, err)
		}
	}
	if _, err := Tail(filepath.Join(t.TempDir(), "none"), 1); !os.IsNotExist(err) {
		t.Errorf("want an error for a file that does not exist, got %v", err)
	}
}

func TestTailOfTenGibibytesIsQuick(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := "\n" + strings.Repeat("line\n", 1000)
	if _, err := f.WriteAt([]byte(text), 10<<30); err != nil {
		t.Skip("no file of this size here: ", err)
	}
	begun := time.Now()
	got, err := Tail(path, 1000)
	if err != nil || len(got) != 1000 || got[0] != "line" {
		t.Errorf("want 1000 lines, got %d, %v", len(got), err)
	}
	if d := time.Since(begun); d > 2*time.Second { // to read it all takes longer on any machine
		t.Errorf("want milliseconds, got %v", d)
	}
	if got, err = Tail(path, 1002); err != nil || len(got) != 1001 || got[0] != strings.Repeat("\x00", LongestTail) {
		t.Errorf("want a long line of zeros first, got %d lines, %v", len(got), err)
	}
}

func FuzzTail(f *testing.F) {
	f.Add("a\nb\n\nc", 2, int64(5))
	f.Add(strings.Repeat("line\n", 300), 7, int64(1<<20))
	f.Fuzz(func(t *testing.T, text string, n int, most int64) {
		n, most = n%100, max(1, most%(1<<20))
		got, err := tail(strings.NewReader(text), int64(len(text)), n, most)
		if err != nil {
			t.Fatal(err)
		}
		seen := text[max(0, int64(len(text))-most):]
		var want []string
		if n > 0 && text != "" {
			want = strings.Split(strings.TrimSuffix(seen, "\n"), "\n")
			want = want[max(0, len(want)-n):]
		}
		for i, line := range want {
			want[i] = line[:min(len(line), LongestTail)]
		}
		if !slices.Equal(got, want) {
			t.Errorf("want %q, got %q", want, got)
		}
	})
}
