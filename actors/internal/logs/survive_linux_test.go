package logs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func shelterIn(directory string) *Shelter {
	return &Shelter{Directory: directory, Hold: func(string) {}, Keep: func(string, int) {}, Let: func(string) {}}
}

func sheltered(t *testing.T, directory string) *Pump {
	t.Helper()
	p, err := NewPump(shelterIn(directory))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func text(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(content)
}

// killedIn is a shelter as a pump leaves it that is killed in one phase of a batch of three lines.
func killedIn(t *testing.T, p phase, inFile, inStage string) (directory, path string) {
	t.Helper()
	directory, path = t.TempDir(), filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(inFile), 0o600); err != nil {
		t.Fatal(err)
	}
	l, _, err := openLedger(directory, bootID())
	if err != nil {
		t.Fatal(err)
	}
	counter := l.counter("clone")
	counter.Logged.Store(10)
	stage := filepath.Join(directory, "stage.0")
	if err := unix.Mkfifo(stage, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := unix.Open(stage, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) // as the keeper holds it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(held) })
	if len(inStage) > 0 {
		if _, err := unix.Write(held, []byte(inStage)); err != nil {
			t.Fatal(err)
		}
	}
	r := l.record(0)
	r.put(recordLines, 3)
	r.put(recordBase, 10)
	r.put(recordSlot, int64(l.slotOf(counter)))
	copy(r[recordPath:], path+"\x00")
	r.set(p)
	return directory, path
}

func TestABatchIsFinishedInWhateverPhaseItsPumpWasKilled(t *testing.T) {
	for _, c := range []struct {
		name            string
		phase           phase
		inFile, inStage string
		file            string
		logged          int64
	}{
		{"before it was taken", phaseTaking, "old\n", "", "old\n", 10},
		{"half taken", phaseTaking, "old\n", "one\ntwo\nthr", "old\none\ntwo\nthr", 12},
		{"all taken", phaseTaking, "old\n", "one\ntwo\nthree\n", "old\none\ntwo\nthree\n", 13},
		{"nothing written", phaseWriting, "old\n", "one\ntwo\nthree\n", "old\none\ntwo\nthree\n", 13},
		{"half written", phaseWriting, "old\none\nt", "wo\nthree\n", "old\none\ntwo\nthree\n", 13},
		{"all written", phaseWriting, "old\none\ntwo\nthree\n", "", "old\none\ntwo\nthree\n", 13},
		{"perhaps counted", phaseCounting, "old\none\ntwo\nthree\n", "", "old\none\ntwo\nthree\n", 13},
	} {
		t.Run(c.name, func(t *testing.T) {
			directory, path := killedIn(t, c.phase, c.inFile, c.inStage)
			p := sheltered(t, directory)
			if got := text(t, path); got != c.file {
				t.Errorf("file: want %q, got %q", c.file, got)
			}
			if got := p.Counter("clone").Logged.Load(); got != c.logged {
				t.Errorf("logged: want %d, got %d", c.logged, got)
			}
			if again := sheltered(t, directory).Counter("clone").Logged.Load(); again != c.logged {
				t.Errorf("the next pump counts it again: %d", again)
			}
		})
	}
}

func TestLinesWaitInTheirFIFOAndTheCountGoesOn(t *testing.T) {
	directory, path := t.TempDir(), filepath.Join(t.TempDir(), "log")
	first, err := NewPump(shelterIn(directory))
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := first.Channel("web:1#1.out", -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	f, err := first.Open(FileOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Attach(read, "web:1#1.out", f, first.Counter("web:1")); err != nil {
		t.Fatal(err)
	}
	child := os.NewFile(uintptr(write), "child")
	defer child.Close()
	if _, err := child.WriteString("one\ntwo\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two lines", func() bool { return first.Counter("web:1").Logged.Load() == 2 })
	first.Quiesce() // from here on it does nothing, as one that was killed

	if _, err := child.WriteString(strings.Repeat("waiting\n", 400)); err != nil {
		t.Fatal(err)
	}
	next := sheltered(t, directory)
	again, err := next.Rejoin("web:1#1.out")
	if err != nil {
		t.Fatal(err)
	}
	g, err := next.Open(FileOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	s, err := next.Attach(again, "web:1#1.out", g, next.Counter("web:1"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	s.Finish(func() { close(done) })
	<-done
	if want := "one\ntwo\n" + strings.Repeat("waiting\n", 400); text(t, path) != want {
		t.Errorf("got %d bytes, want %d", len(text(t, path)), len(want))
	}
	if got := next.Counter("web:1").Logged.Load(); got != 402 {
		t.Errorf("counted %d, want 402", got)
	}
}

func TestADamagedLedgerIsIgnoredAndSaidSo(t *testing.T) {
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, "ledger"), []byte(strings.Repeat("?", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	p := sheltered(t, directory)
	if !strings.Contains(p.Ignored(), "damaged") {
		t.Errorf("got %q", p.Ignored())
	}
	p.Counter("web:1").Logged.Add(3)
	if got := sheltered(t, directory).Counter("web:1").Logged.Load(); got != 3 {
		t.Errorf("counted %d, want 3", got)
	}
}

func TestAnotherUsersProcessOpensItsOutputAnew(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
	directory, path := t.TempDir(), filepath.Join(t.TempDir(), "log")
	p := sheltered(t, directory)
	read, write, err := p.Channel("web:1#1.out", 65534, 65534)
	if err != nil {
		t.Fatal(err)
	}
	f, err := p.Open(FileOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Attach(read, "web:1#1.out", f, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := os.NewFile(uintptr(write), "child")
	defer out.Close()
	c := exec.Command("/bin/sh", "-c", "id -u > /dev/stdout; echo again >> /proc/self/fd/1")
	c.Dir, c.Stdout, c.Stderr = "/", out, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	s.Finish(func() { close(done) })
	<-done
	if got := text(t, path); got != "65534\nagain\n" {
		t.Errorf("got %q", got)
	}
}

// A batch whose text is our own is made again, and written to where it was begun.
func TestADressedBatchIsFinishedInWhateverPhaseItsPumpWasKilled(t *testing.T) {
	for _, c := range []struct {
		name            string
		phase           phase
		placed, other   bool
		inFile, inStage string
		file            string
		logged          int64
	}{
		{"before it was taken", phaseTaking, false, false, "old\n", "", "old\n", 10},
		{"half taken", phaseTaking, false, false, "old\n", "one\ntwo\nthr", "old\n> one\n> two\n> thr" + CutMarker, 13},
		{"all taken", phaseTaking, false, false, "old\n", "one\ntwo\nthree\n", "old\n> one\n> two\n> three\n", 13},
		{"nothing written", phaseWriting, true, false, "old\n", "one\ntwo\nthree\n", "old\n> one\n> two\n> three\n", 13},
		{"half written", phaseWriting, true, false, "old\n> one\n> t", "one\ntwo\nthree\n", "old\n> one\n> two\n> three\n", 13},
		{"all written", phaseWriting, true, false, "old\n> one\n> two\n> three\n", "one\ntwo\nthree\n", "old\n> one\n> two\n> three\n", 13},
		{"into another file", phaseWriting, true, true, "other\nfile\n", "one\ntwo\nthree\n", "other\nfile\n> one\n> two\n> three\n", 13},
		{"perhaps counted", phaseCounting, true, false, "old\n> one\n> two\n> three\n", "one\ntwo\nthree\n", "old\n> one\n> two\n> three\n", 13},
	} {
		t.Run(c.name, func(t *testing.T) {
			directory, path := killedIn(t, c.phase, c.inFile, c.inStage)
			l, _, err := openLedger(directory, bootID())
			if err != nil {
				t.Fatal(err)
			}
			r := l.record(0)
			b := &batch{record: r, raw: 14, lines: 3}
			r.set(phaseTaking)
			b.frame(Form{Prefix: true}, []byte("> "), b.raw, false)
			if c.placed {
				var st unix.Stat_t
				if err := unix.Stat(path, &st); err != nil {
					t.Fatal(err)
				}
				if c.other {
					st.Ino++
				}
				b.place(&File{pos: int64(len("old\n")), id: identity{st.Dev, st.Ino}})
			}
			r.set(c.phase)
			l.leave()
			p := sheltered(t, directory)
			if got := text(t, path); got != c.file {
				t.Errorf("file: want %q, got %q", c.file, got)
			}
			if got := p.Counter("clone").Logged.Load(); got != c.logged {
				t.Errorf("logged: want %d, got %d", c.logged, got)
			}
		})
	}
}
