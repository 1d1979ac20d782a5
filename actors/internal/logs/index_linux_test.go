package logs

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func indexedPump(t *testing.T) (p *Pump, indexes string) {
	t.Helper()
	indexes = filepath.Join(t.TempDir(), "index")
	p = newPump(t)
	if err := p.SetIndex(indexes); err != nil {
		t.Fatal(err)
	}
	return p, indexes
}

// named makes a stream with a name, as those of processes have, and the write end that feeds it.
func named(t *testing.T, p *Pump, name string, f *File) (*Stream, *os.File) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	s, err := p.Attach(ends[0], name, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := os.NewFile(uintptr(ends[1]), name)
	t.Cleanup(func() { w.Close() })
	return s, w
}

func indexReader(t *testing.T, path, indexes string) *Reader {
	t.Helper()
	r := NewReader(path, indexes)
	t.Cleanup(r.Close)
	return r
}

// rightly fails where a line, "web:2#13.err …", is not said to be of whom it says itself.
func rightly(t *testing.T, line Line) {
	t.Helper()
	who, _, _ := strings.Cut(string(line.Text), " ")
	stream := "out"
	if line.Stderr {
		stream = "err"
	}
	if got := fmt.Sprintf("%s#%d.%s", line.Clone, line.Run, stream); !line.Known || got != who {
		t.Errorf("%q is said to be of %s, known %v", line.Text, got, line.Known)
	}
	if age := time.Since(line.Time); age < 0 || age > time.Minute {
		t.Errorf("%q is said to be %v old", line.Text, age)
	}
}

// Whose the lines are in a file that several write to is known through rotation and compression, to one who follows and to one
// who comes later; and nothing stays of the indexes whose files went.
func TestTheIndexKnowsWhoWroteWhat(t *testing.T) {
	for _, how := range []Compression{"", Gzip, Zstd} {
		t.Run(string(how), func(t *testing.T) {
			const lines = 400
			p, indexes := indexedPump(t)
			path := logPath(t)
			f := open(t, p, FileOptions{Path: path, OnFull: Block, Rotate: Rotation{Size: 8 << 10, Keep: 7, Compress: how}})
			follower := indexReader(t, path, indexes)
			var writers sync.WaitGroup
			for _, name := range []string{"web:1#1.out", "web:1#1.err", "web:2#70000.out", "other:300#2.err"} {
				s, w := named(t, p, name, f)
				writers.Go(func() {
					for i := range lines {
						fmt.Fprintf(w, "%s %d %s\n", name, i, strings.Repeat("x", i%100))
						if i%20 == 0 {
							time.Sleep(time.Millisecond) // so that they come by turns
						}
					}
					finish(t, s)
				})
			}
			done := make(chan struct{})
			go func() { writers.Wait(); close(done) }()
			for over := false; ; {
				more, _, err := follower.Next(func(line Line) { rightly(t, line) })
				if err != nil {
					t.Fatal(err)
				}
				if over && !more {
					break
				}
				select {
				case <-done:
					over = true
				default:
				}
			}
			p.Close()
			found, err := indexReader(t, path, indexes).Last(Query{Lines: 10 * lines})
			if err != nil || len(found) < lines {
				t.Fatalf("%d lines, %v", len(found), err)
			}
			next := map[string]int{}
			for _, line := range found {
				rightly(t, line)
				var who string
				var number int
				_, _ = fmt.Sscan(string(line.Text), &who, &number)
				if want := next[who]; want > 0 && number != want {
					t.Errorf("%s %d comes where %d is due", who, number, want)
				}
				next[who] = number + 1
			}
			number, most := found[len(found)-1].Run, 0 // whoever was done early has no lines left
			for _, line := range found {
				if line.Run == number {
					most++
				}
			}
			run := indexReader(t, path, indexes)
			found, _ = run.Last(Query{Lines: 3, Match: func(line *Line) bool { return line.Run == number }})
			for _, line := range found {
				rightly(t, line)
			}
			want(t, "lines of one run", min(3, most), len(found))
			files, _ := filepath.Glob(path + "*")
			files = slices.DeleteFunc(files, func(name string) bool { // one that was made by a call that took too long has no lines
				info, err := os.Stat(name)
				return err == nil && info.Size() == 0
			})
			entries, _ := os.ReadDir(indexes)
			want(t, "indexes, one for each file", len(files), len(entries))
		})
	}
}

// A log that is cut, moved or removed by others has an index that is right for what comes then.
func TestTheIndexOfALogThatOthersCut(t *testing.T) {
	p, indexes := indexedPump(t)
	path := logPath(t)
	f := open(t, p, FileOptions{Path: path})
	say := func(name, what string) {
		t.Helper()
		s, w := named(t, p, name, f)
		write(t, w, name+" "+what+"\n")
		finish(t, s)
		s.Close()
	}
	see := func(what string, want int) {
		t.Helper()
		found, err := indexReader(t, path, indexes).Last(Query{Lines: 100})
		if err != nil || len(found) != want {
			t.Fatalf("%s: %d lines, %v", what, len(found), err)
		}
		for _, line := range found {
			rightly(t, line)
		}
	}
	say("web:1#1.out", "one, which is long")
	say("web:2#1.out", "two")
	see("at first", 2)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	say("web:3#1.err", "three")
	say("web:1#2.out", "four")
	see("after it was truncated", 2)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	p.Reopen()
	eventually(t, "it is opened anew", func() bool { _, err := os.Stat(path); return err == nil })
	say("web:4#1.out", "five")
	see("after it was moved", 1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	say("web:5#1.out", "six")
	see("after it was removed", 1)
	if err := os.RemoveAll(indexes); err != nil {
		t.Fatal(err)
	}
	say("web:5#2.out", "seven")
	eventually(t, "its line comes", func() bool { return lineCount([]byte(content(t, path))) == 2 })
	found, err := indexReader(t, path, indexes).Last(Query{Lines: 1})
	if err != nil || len(found) != 1 {
		t.Fatalf("%d lines, %v", len(found), err)
	}
	rightly(t, found[0])
}

// What is of no use any more goes when the next pump begins, and nothing else.
func TestIndexesOfFilesThatAreGoneGo(t *testing.T) {
	p, indexes := indexedPump(t)
	var names []string
	for i := range 4 {
		path := filepath.Join(t.TempDir(), "a[b]*.log")
		f := open(t, p, FileOptions{Path: path})
		s, w := named(t, p, "web:"+strconv.Itoa(i)+"#1.out", f)
		write(t, w, "a line\n")
		finish(t, s)
		names = append(names, path)
	}
	p.Close()
	_ = os.Remove(names[0])
	_ = os.Rename(names[1], names[1]+".1")
	_ = os.Rename(names[2], names[2]+"-elsewhere-20260101")
	put(t, filepath.Join(indexes, "no index"), "something")
	next := newPump(t)
	if err := next.SetIndex(indexes); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one goes", func() bool { entries, _ := os.ReadDir(indexes); return len(entries) == 4 })
	next.Close()
	for i, path := range []string{names[1] + ".1", names[2] + "-elsewhere-20260101", names[3]} {
		id, _ := nameOf(path)
		if _, err := os.Stat(indexName(indexes, id)); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// Property: whatever was noted, what is found is what a list of it says, also where some of it is damaged.
func TestTheIndexAgainstAList(t *testing.T) {
	directory := t.TempDir()
	count := 0
	begin := time.Now().Add(-time.Hour)
	rapid.Check(t, func(t *rapid.T) {
		count++
		path := filepath.Join(directory, strconv.Itoa(count))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		id, err := nameOf(path)
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(indexName(directory, id))
		defer os.Remove(path)
		type span struct {
			origin
			at   int64
			time time.Time
		}
		var list []span
		var w *indexWriter
		at := int64(0)
		moment := begin
		for range rapid.IntRange(1, 40).Draw(t, "cells") {
			if w == nil || rapid.IntRange(0, 5).Draw(t, "again") == 0 {
				w.close()
				if w, err = openIndexWriter(directory, id, path, at, identity{}); err != nil {
					t.Fatal(err)
				}
				if at == 0 {
					list = nil
				}
			}
			o := origin{rapid.SampledFrom([]string{"web", "other", "ä"}).Draw(t, "process"), rapid.IntRange(1, 65535).Draw(t, "clone"), rapid.IntRange(1, 1<<31).Draw(t, "run"), rapid.SampledFrom([]string{"stdout", "stderr"}).Draw(t, "stream")}
			if rapid.IntRange(0, 9).Draw(t, "cut") == 0 && at > 0 {
				at = rapid.Int64Range(0, at).Draw(t, "to")
			}
			for len(list) > 0 && list[len(list)-1].at >= at {
				list = list[:len(list)-1]
			}
			moment = moment.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "pause")) * time.Millisecond).Truncate(time.Microsecond)
			if err := w.add(o, at, moment); err != nil {
				t.Fatal(err)
			}
			list = append(list, span{o, at, moment})
			at += int64(rapid.IntRange(0, 50).Draw(t, "bytes"))
		}
		w.close()
		x := openIndex(directory, id, path)
		if x == nil {
			t.Fatal("there is no index")
		}
		defer x.close()
		for range 20 {
			place := rapid.Int64Range(0, at).Draw(t, "place")
			c, ok := x.find(place)
			var want *span
			for i := range list {
				if list[i].at <= place {
					want = &list[i]
				}
			}
			if ok != (want != nil) {
				t.Fatalf("at %d: %v, want %v", place, ok, want)
			}
			if ok && (c.at != want.at || !c.time.Equal(want.time) || x.nameOf(c) != want.process || c.clone != want.clone || c.run != want.run || c.stderr != (want.stream == "stderr")) {
				t.Fatalf("at %d: %+v, want %+v", place, c, want)
			}
			until := begin.Add(time.Duration(rapid.IntRange(0, 100000).Draw(t, "until")) * time.Millisecond)
			end := int64(math.MaxInt64)
			for i := len(list) - 1; i >= 0 && list[i].time.After(until); i-- {
				end = list[i].at
			}
			if got := x.endAt(until, math.MaxInt64); got != end {
				t.Fatalf("until %v: %d, want %d", until.Sub(begin), got, end)
			}
		}
	})
}

// Lines of a time are found through files that were put aside.
func TestLinesOfATime(t *testing.T) {
	indexes := t.TempDir()
	path := filepath.Join(t.TempDir(), "web.log")
	begin := time.Now().Add(-time.Hour).Truncate(time.Second)
	minute := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Minute) }
	var a aside
	a.index = indexes
	number := 0
	for file := range 3 {
		var text string
		put(t, path, "")
		id, err := nameOf(path)
		if err != nil {
			t.Fatal(err)
		}
		w, err := openIndexWriter(indexes, id, path, 0, identity{})
		if err != nil {
			t.Fatal(err)
		}
		for range 4 { // a line a minute
			if err := w.add(origin{"web", 1, 1, stdoutStream}, int64(len(text)), minute(number)); err != nil {
				t.Fatal(err)
			}
			text += strconv.Itoa(number) + "\n"
			number++
		}
		w.close()
		add(t, path, text)
		if err := os.Chtimes(path, time.Time{}, minute(number-1)); err != nil {
			t.Fatal(err)
		}
		if file < 2 {
			if err := a.put(path, id, 5); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, how := range []Compression{"", Zstd} {
		if err := a.compress(path, how, nil); how != "" && err != nil {
			t.Fatal(err)
		}
		for since := -1; since < 13; since++ {
			for until := since; until < 14; until++ {
				got, err := lastOf(indexReader(t, path, indexes), Query{Lines: 100, Since: minute(since), Until: minute(until)})
				if err != nil {
					t.Fatal(err)
				}
				var want []string
				for n := max(0, since); n <= min(11, until); n++ {
					want = append(want, strconv.Itoa(n))
				}
				wantLines(t, fmt.Sprintf("%s, from %d to %d", how, since, until), got, want...)
			}
		}
	}
}

// FuzzIndex: a damaged index says something wrong or nothing, and harms nobody.
func FuzzIndex(f *testing.F) {
	f.Add([]byte("phorever index 1\n/log\x00web\x00"), []byte{1, 2, 3}, int64(7))
	f.Fuzz(func(t *testing.T, head, cells []byte, at int64) {
		directory := t.TempDir()
		path := filepath.Join(directory, "log")
		put(t, path, "a\nb\n")
		id, err := nameOf(path)
		if err != nil {
			t.Fatal(err)
		}
		text := append(append([]byte(nil), head...), make([]byte, max(0, indexHead-len(head)))...)
		put(t, indexName(directory, id), string(append(text, cells...)))
		lines, err := lastOf(indexReader(t, path, directory), Query{Lines: 5})
		if err != nil {
			t.Fatal(err)
		}
		wantLines(t, "the lines", lines, "a", "b")
		if w, err := openIndexWriter(directory, id, path, 4, identity{}); err == nil {
			defer w.close()
			if err := w.add(origin{"web", 1, 1, stdoutStream}, max(0, at%1000), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
