package logs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A log is reached through the links of those who are trusted, wherever they stand on the way, and nobody else's.
func TestLinksOnTheWayToALog(t *testing.T) {
	const stranger, friend = 12345, 23456
	top := t.TempDir()
	mkdir := func(directory string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(top, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target, name string, owner int) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
		if owner != os.Geteuid() {
			if err := os.Lchown(filepath.Join(top, name), owner, owner); err != nil {
				t.Fatal(err)
			}
		}
	}
	me := os.Geteuid()
	mkdir("real/deep")
	link("real", "mine", me)
	link(filepath.Join(top, "real"), "absolute", me)
	link("mine/deep/..", "winding", me) // "..", that is, of what mine/deep is
	link("loop", "loop", me)
	cases := []struct{ path, want, refused string }{
		{"real/deep/a.log", "real/deep/a.log", ""},
		{"mine/deep/b.log", "real/deep/b.log", ""},
		{"absolute/deep/../c.log", "real/c.log", ""},
		{"winding/d.log", "real/d.log", ""},
		{"mine/new/newer/e.log", "real/new/newer/e.log", ""},
		{"loop/f.log", "", "too many levels"},
		{"real/deep/a.log/g.log", "", "not a directory"},
		{strings.Repeat("mine/../", 39) + "h.log", "h.log", ""},
		{strings.Repeat("mine/../", 41) + "i.log", "", "too many levels"},
	}
	if me == 0 {
		link("real", "theirs", stranger)
		link("real", "friends", friend)
		link("theirs", "through", me)
		mkdir("there")
		link("../real/deep", "there/directory", stranger)
		cases = append(cases, []struct{ path, want, refused string }{
			{"theirs/j.log", "", "uid 12345"},
			{"through/k.log", "", "uid 12345"},
			{"there/directory/new/l.log", "", "uid 12345"},
			{"friends/m.log", "real/m.log", ""},
		}...)
	}
	for _, c := range cases {
		fd, name, err := openLog(top+"/"+c.path, friend)
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: got %v, want %s", c.path, err, c.refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		want, _, _, _ := identify(fd)
		_ = unix.Close(fd)
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(top, c.want), &st); err != nil || st.Ino != want.inode {
			t.Errorf("%s: it is not %s: %v", c.path, c.want, err)
		}
		if err := unix.Stat(name, &st); err != nil || st.Ino != want.inode {
			t.Errorf("%s: its name %s is another file's: %v", c.path, name, err)
		}
	}
	for _, made := range []string{"real/deep/new", "real/j.log", "real/k.log"} {
		if _, err := os.Lstat(filepath.Join(top, made)); err == nil {
			t.Errorf("%s was made behind a stranger's link", made)
		}
	}
}

// While somebody exchanges a directory for a link to another and back, no file is made there.
func TestADirectoryThatIsExchangedForALink(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a link of another user")
	}
	top := t.TempDir()
	for _, directory := range []string{"logs/web", "secret"} {
		if err := os.MkdirAll(filepath.Join(top, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	web, aside := filepath.Join(top, "logs/web"), filepath.Join(top, "logs/link")
	if err := os.Symlink("../secret", aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(aside, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, web, unix.AT_FDCWD, aside, unix.RENAME_EXCHANGE)
			}
		}
	}()
	opened, refused := 0, 0
	for opened < 500 || refused < 500 {
		fd, _, err := openLog(web+"/out.log", 0)
		if err != nil {
			refused++
			continue
		}
		opened++
		_ = unix.Close(fd)
	}
	close(stop)
	<-stopped
	if entries, _ := os.ReadDir(filepath.Join(top, "secret")); len(entries) > 0 {
		t.Errorf("%d files lie where the link leads", len(entries))
	}
}
