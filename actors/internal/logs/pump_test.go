package logs

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLastLineWithoutNewlineIsCompletedAtTheEndOfARun(t *testing.T) {
	p, path := newPump(t), logPath(t)
	var c Counter
	s, w := attach(t, p, open(t, p, FileOptions{Path: path}), &c)
	write(t, w, "one\ntwo\nthree")
	finish(t, s)
	want(t, "file", "one\ntwo\nthree\n", content(t, path))
	want(t, "logged", 3, c.Logged.Load())
	write(t, w, "grandchild")
	w.Close()
	eventually(t, "what a grandchild writes is a line of its own", func() bool {
		return content(t, path) == "one\ntwo\nthree\ngrandchild\n" && c.Logged.Load() == 4
	})
}

func TestFilesOfOneNameAreOneWriter(t *testing.T) {
	p, path := newPump(t), logPath(t)
	a := open(t, p, FileOptions{Path: path})
	link := filepath.Join(filepath.Dir(path), "link.log")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	b := open(t, p, FileOptions{Path: link})
	c := open(t, p, FileOptions{Path: path})
	if a != b || a != c {
		t.Error("want one writer for one file")
	}
}
