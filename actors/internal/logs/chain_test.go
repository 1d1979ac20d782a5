package logs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is put aside of a log whose name is a link stands beside the file, not beside the link, which may lead elsewhere one day.
func TestReadingBehindALink(t *testing.T) {
	directory := t.TempDir()
	link, path, other := filepath.Join(directory, "web.log"), filepath.Join(directory, "real", "w"), filepath.Join(directory, "other")
	for name, target := range map[string]string{link: "second", filepath.Join(directory, "second"): "real/w"} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	var a aside
	grow := func(text string) {
		if id, err := nameOf(path); err != nil || id != (identity{}) && a.put(path, id, 100) != nil {
			t.Fatal("cannot put it aside", err)
		}
		time.Sleep(10 * time.Millisecond) // a file system has no finer clock
		put(t, path, text)
	}
	r := reader(t, link)
	if lines, err := lastOf(r, Query{Lines: 9, Follow: true}); err != nil || lines != nil {
		t.Errorf("of nothing: %q, %v", lines, err)
	}
	grow("1\n2\n")
	grow("3\n")
	grow("4\n")
	lines, gap := rest(t, r)
	wantLines(t, "followed", lines, "1", "2", "3", "4")
	last, err := lastOf(reader(t, link), Query{Lines: 3})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, "the last ones", last, "2", "3", "4")

	add(t, path, "5\n")
	put(t, other, "6\n")
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	lines, missing := rest(t, r)
	wantLines(t, "as it leads elsewhere", lines, "5", "6")
	if gap || missing {
		t.Error("nothing is missing")
	}
}

// A compressed file that is damaged is named, once, and costs its own lines and no others.
func TestReadingOverADamagedFile(t *testing.T) {
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	for i := range 5000 {
		fmt.Fprintf(packer, "%x\n", i*i*i)
	}
	_ = packer.Close()
	for _, c := range []struct {
		suffix, text string
		some         bool // lines can be read
	}{
		{".gz", "", false}, {".gz", "junk\n", false}, {".zst", "", false}, {".zst", "junk\n", false}, {".gz", packed.String()[:packed.Len()/2], true},
	} {
		path := filepath.Join(t.TempDir(), "web.log")
		put(t, path, "begin\n")
		var said []string
		follower := reader(t, path)
		follower.Damaged = func(err error) { said = append(said, err.Error()) }
		if _, err := lastOf(follower, Query{Lines: 1, Follow: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // a file system has no finer clock
		if err := os.Rename(path, path+".3"); err != nil {
			t.Fatal(err)
		}
		put(t, path+".2", "older\n")
		put(t, path+".1"+c.suffix, c.text)
		put(t, path, "newest\n")
		check := func(what string, lines, want []string) {
			t.Helper()
			if c.some && len(lines) > len(want) {
				lines = append(lines[:len(want)-1:len(want)-1], lines[len(lines)-1])
			}
			wantLines(t, what, lines, want...)
			if len(said) != 1 || !strings.HasPrefix(said[0], path+".1"+c.suffix+": ") {
				t.Errorf("%s: want one warning that names the file, got %q", what, said)
			}
		}
		lines, gap := rest(t, follower)
		check("followed", lines, []string{"older", "newest"})
		if gap {
			t.Error("no file is missing")
		}
		for _, n := range []int{100_000, math.MaxInt} {
			said = nil
			last := reader(t, path)
			last.Damaged = follower.Damaged
			lines, err := lastOf(last, Query{Lines: n})
			if err != nil {
				t.Fatal(err)
			}
			check("the last ones", lines, []string{"begin", "older", "newest"})
		}
	}
}

// Whoever begins to follow between the two steps of logrotate, a new file and a signal, gets what still goes into the old one.
func TestFollowingFromBetweenTwoFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.log")
	put(t, path+".1", "1\n2\n")
	put(t, path, "")
	r := reader(t, path)
	last, err := lastOf(r, Query{Lines: 1, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, "the last one", last, "2")
	add(t, path+".1", "3\n")
	lines, _ := rest(t, r)
	wantLines(t, "before the signal", lines, "3")
	add(t, path+".1", "4\n")
	add(t, path, "5\n")
	lines, gap := rest(t, r)
	wantLines(t, "behind it", lines, "4", "5")
	if gap {
		t.Error("nothing is missing")
	}
}
