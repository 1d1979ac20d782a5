package logs

import (
	"os"
	"path/filepath"
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
