package logs

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func reader(t testing.TB, path string) *Reader {
	t.Helper()
	r := NewReader(path, "")
	t.Cleanup(r.Close)
	return r
}

// lastOf is the texts of what Last gives.
func lastOf(r *Reader, q Query) (lines []string, err error) {
	found, err := r.Last(q)
	for _, line := range found {
		lines = append(lines, string(line.Text))
	}
	return lines, err
}

// rest is everything that Next gives now.
func rest(t testing.TB, r *Reader) (lines []string, gap bool) {
	t.Helper()
	for {
		more, missing, err := r.Next(func(line Line) { lines = append(lines, string(line.Text)) })
		if err != nil {
			t.Fatal(err)
		}
		gap = gap || missing
		if !more {
			return lines, gap
		}
	}
}

func wantLines(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: want %.300q, got %.300q", what, want, got)
	}
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func add(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// The last lines are found through everything that was put aside, compressed or not.
func TestLastLinesOfWhatWasPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.log")
	put(t, path, "7\n8")
	put(t, path+".1", "5\n6\n")
	put(t, path+".2", "3\n4\n")
	put(t, path+".3", "1\n2\n")
	var a aside
	for _, how := range []Compression{"", Gzip, Zstd} {
		if how != "" {
			put(t, path+".2", "3\n4\n")
			put(t, path+".3", "1\n2\n")
			_ = os.Remove(path + ".2.gz")
			_ = os.Remove(path + ".3.gz")
			if err := a.compress(path, how, nil); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 10 {
			lines, err := lastOf(reader(t, path), Query{Lines: n})
			if err != nil {
				t.Fatal(err)
			}
			all := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
			wantLines(t, fmt.Sprintf("%s, the last %d", how, n), lines, all[max(0, len(all)-n):]...)
		}
		lines, _ := lastOf(reader(t, path), Query{Lines: 2, Match: func(line *Line) bool { return strings.ContainsAny(string(line.Text), "135") }})
		wantLines(t, "those that match", lines, "3", "5")
	}
	lines, err := lastOf(reader(t, path+".none"), Query{Lines: 3, Follow: true})
	if err != nil || lines != nil {
		t.Errorf("of nothing: %q, %v", lines, err)
	}
}

// What a Next gives follows what Last gave: an unfinished line comes when it is finished.
func TestFollowing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.log")
	r := reader(t, path)
	if lines, _ := rest(t, r); lines != nil {
		t.Errorf("of nothing: %q", lines)
	}
	put(t, path, "one\ntw")
	lines, err := lastOf(r, Query{Lines: 5, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, "last", lines, "one")
	lines, _ = rest(t, r)
	wantLines(t, "unfinished", lines)
	add(t, path, "o\n\nfour\n")
	lines, _ = rest(t, r)
	wantLines(t, "finished", lines, "two", "", "four")

	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	add(t, path, "five\n")
	lines, _ = rest(t, r)
	wantLines(t, "after a truncation", lines, "five")

	if err := os.Rename(path, path+".old"); err != nil { // as logrotate does
		t.Fatal(err)
	}
	add(t, path+".old", "six\n")
	lines, _ = rest(t, r)
	wantLines(t, "moved, and not opened anew yet", lines, "six")
	put(t, path, "")
	add(t, path+".old", "seven\nei")
	lines, _ = rest(t, r)
	wantLines(t, "made anew, and not used yet", lines, "seven")
	add(t, path, "nine\n")
	lines, gap := rest(t, r)
	wantLines(t, "used", lines, "ei", "nine")
	if gap {
		t.Error("nothing is missing")
	}
	add(t, path, strings.Repeat("x", LongestLine+5)+"\nend\n")
	lines, _ = rest(t, r)
	wantLines(t, "a long line is cut", lines, strings.Repeat("x", LongestLine), "end")
}

// Several files in turn were put aside since the last look; and more than were kept.
func TestFollowingWhatWasPutAsideManyTimes(t *testing.T) {
	for _, how := range []Compression{"", Gzip, Zstd} {
		t.Run(string(how), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "web.log")
			var a aside
			next := 0
			grow := func(keep int) {
				id, err := nameOf(path)
				if err != nil {
					t.Fatal(err)
				}
				if id != (identity{}) {
					if err := a.put(path, id, keep); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(10 * time.Millisecond) // a file system has no finer clock
				put(t, path, fmt.Sprintf("%d\n%d\n", next, next+1))
				next += 2
			}
			r := reader(t, path)
			grow(100)
			var got []string
			take := func() (gap bool) {
				lines, gap := rest(t, r)
				got = append(got, lines...)
				return gap
			}
			take()
			for round := range 4 {
				for range round {
					grow(100)
				}
				if how != "" {
					if err := a.compress(path, how, nil); err != nil {
						t.Fatal(err)
					}
				}
				if take() {
					t.Error("nothing is missing")
				}
			}
			var all []string
			for i := range next {
				all = append(all, fmt.Sprint(i))
			}
			wantLines(t, "everything", got, all...)
			got = nil
			for range 5 {
				grow(2)
			}
			if !take() {
				t.Error("want to hear that lines are missing")
			}
			wantLines(t, "what is left", got, fmt.Sprint(next-6), fmt.Sprint(next-5), fmt.Sprint(next-4), fmt.Sprint(next-3), fmt.Sprint(next-2), fmt.Sprint(next-1))
		})
	}
}

// Whoever begins to follow before there is a file gets every line from the first on, though files were put aside before the next
// look; and where there is no file for a while, but some that were put aside, nothing of those comes a second time.
func TestFollowingBeforeThereIsAFile(t *testing.T) {
	for _, c := range []struct {
		name string
		old  int // files that were put aside before
		pack Compression
		n    int // lines asked for
		last []string
	}{
		{"nothing yet", 0, "", 5, nil},
		{"put aside, and nothing new yet", 2, "", 1, []string{"old 2"}},
		{"likewise, without its lines", 2, "", 0, nil},
		{"compressed", 3, Zstd, 5, []string{"old 1", "old 2", "old 3"}},
		{"compressed, without its lines", 3, Gzip, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "web.log")
			var a aside
			grow := func(line string) {
				put(t, path, line+"\n")
				id, err := nameOf(path)
				if err == nil {
					err = a.put(path, id, 100)
				}
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Millisecond) // a file system has no finer clock
			}
			for i := range c.old {
				grow(fmt.Sprintf("old %d", i+1))
			}
			if c.pack != "" {
				if err := a.compress(path, c.pack, nil); err != nil {
					t.Fatal(err)
				}
			}
			r := reader(t, path)
			lines, err := lastOf(r, Query{Lines: c.n, Follow: true})
			if err != nil {
				t.Fatal(err)
			}
			wantLines(t, "last", lines, c.last...)
			want := []string{"new 1", "new 2", "new 3", "new 4"}
			if c.old > 0 && c.pack == "" { // its writer does not know yet that it was put aside
				add(t, asideName(path, 1), "late\n")
				want = append([]string{"late"}, want...)
			}
			for i := range 3 {
				grow(fmt.Sprintf("new %d", i+1))
			}
			put(t, path, "new 4\n")
			lines, gap := rest(t, r)
			wantLines(t, "followed", lines, want...)
			if gap {
				t.Error("nothing is missing")
			}
		})
	}
}

var hundred = strings.Repeat("x", 100)

// While three clones write as fast as they can into a file that is put aside and compressed all the time, who follows it gets each
// line once.
func TestFollowingAFlood(t *testing.T) {
	for _, how := range []Compression{"", Zstd} {
		t.Run(string(how), func(t *testing.T) {
			lines := 8000
			if os.Getenv("PHOREVER_SOAK") != "" {
				lines = 34_000_000 // a hundred million in all
			}
			path, p := logPath(t), newPump(t)
			f := open(t, p, FileOptions{Path: path, OnFull: Block, Rotate: Rotation{Size: 64 << 10, Keep: 100, Compress: how}})
			var c Counter
			var writers sync.WaitGroup
			var over atomic.Bool
			var seen atomic.Int64
			for clone := range 3 {
				s, w := attach(t, p, f, &c)
				writers.Go(func() {
					buffered := bufio.NewWriter(w)
					for i := range lines {
						fmt.Fprintf(buffered, "%d %d %s\n", clone, i, hundred[:i%100])
						for i%1000 == 0 && int64(i) > seen.Load()/3+10_000 { // what is kept must last until it is read
							time.Sleep(time.Millisecond)
						}
					}
					_ = buffered.Flush()
					finish(t, s)
				})
			}
			go func() {
				writers.Wait()
				over.Store(true)
			}()
			var next [3]int
			r := reader(t, path)
			got := 0
			each := func(l Line) {
				line := l.Text
				got++
				clone, rest, _ := strings.Cut(string(line), " ")
				number, tail, _ := strings.Cut(rest, " ")
				i, errC := strconv.Atoi(clone)
				n, err := strconv.Atoi(number)
				if errC != nil || err != nil || i > 2 || n != next[i] || tail != hundred[:n%100] {
					t.Fatalf("%.50q is not line %v (%v)", line, next, err)
				}
				next[i]++
				seen.Add(1)
			}
			for idle := time.Now(); next != [3]int{lines, lines, lines}; {
				last := over.Load()
				got = 0
				more, gap, err := r.Next(each)
				if got > 0 {
					idle = time.Now()
				}
				if err != nil || gap || last && !more && got == 0 || time.Since(idle) > time.Minute {
					t.Fatalf("gap %v, %v; there is no more than %v", gap, err, next)
				}
			}
		})
	}
}

// Whoever begins to read while files are put aside, one right after the other, gets everything from the first line on, and what
// comes later behind it.
func TestReadingWhileFilesArePutAside(t *testing.T) {
	const files, each = 150, 5
	path := logPath(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	var over atomic.Bool
	var gone atomic.Int64 // lines
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		defer over.Store(true)
		var kept aside
		for n := range files {
			var text strings.Builder
			for i := range each {
				fmt.Fprintf(&text, "%d\n", n*each+i)
			}
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err == nil {
				_, err = file.WriteString(text.String())
			}
			if err != nil {
				t.Error(err)
				return
			}
			id, _, _, _ := identify(int(file.Fd()))
			_ = file.Close()
			if err := kept.put(path, id, files); err != nil {
				t.Error(err)
				return
			}
			gone.Add(each)
			time.Sleep(100 * time.Microsecond) // 64 KiB in that time are more than a flood
		}
	})
	for begins := 0; !over.Load(); begins++ {
		least := int(gone.Load())
		lines, err := lastOf(reader(t, path), Query{Lines: files * each})
		if err != nil || len(lines) < least {
			t.Fatalf("begin %d: %d lines of %d: %v", begins, len(lines), least, err)
		}
		for i, line := range lines {
			if line != strconv.Itoa(i) {
				t.Fatalf("begin %d: line %s stands at place %d of %d", begins, line, i, len(lines))
			}
		}
	}
}

// Whatever pieces a text comes in, its lines are the same.
func TestSplitting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([ab\x00é]{0,5}\n){0,5}[ab]{0,3}`).Draw(t, "text")
		var s splitter
		var got []string
		each := func(line []byte, at int64, _ bool) {
			if got = append(got, string(line)); text[at:at+int64(len(line))] != string(line) {
				t.Fatalf("%q does not begin at %d of %q", line, at, text)
			}
		}
		for left := text; left != ""; {
			n := rapid.IntRange(1, len(left)).Draw(t, "piece")
			s.add([]byte(left[:n]), each)
			left = left[n:]
		}
		s.end(each)
		want := strings.Split(text, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("want %q, got %q", want, got)
		}
	})
}

// FuzzReader: what Last and Next give together is the text, whatever it is and wherever it was put aside.
func FuzzReader(f *testing.F) {
	f.Add([]byte("a\nb\n\x00\xff"), 2, 1)
	f.Add([]byte("\n\n\nlong line without an end"), 3, 2)
	f.Fuzz(func(t *testing.T, text []byte, at, n int) {
		path := filepath.Join(t.TempDir(), "web.log")
		at, n = max(0, at)%(len(text)+1), max(0, n)%20
		before, after := string(text[:at]), string(text[at:])
		put(t, path, before)
		r := reader(t, path)
		got, err := lastOf(r, Query{Lines: n, Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		add(t, path, after)
		more, _ := rest(t, r)
		lines := strings.Split(before+after, "\n")
		lines = lines[:len(lines)-1] // the last one has no end
		known := strings.Count(before, "\n")
		want := append(slices.Clone(lines[max(0, known-n):known]), lines[known:]...)
		if got = append(got, more...); !slices.Equal(got, want) {
			t.Errorf("want %q, got %q", want, got)
		}
	})
}
