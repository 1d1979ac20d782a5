package pidfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestTheHolderIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.pid")
	f := acquire(t, path)
	word, pid := start(t, "own", path).try()
	if word != "held" || pid != os.Getpid() {
		t.Errorf("another process was told %s %d, want held %d", word, pid, os.Getpid())
	}
	_, err := Acquire(path) // the same process is no better
	var held *HeldError
	if !errors.As(err, &held) || held.Pid != os.Getpid() || held.Path != path {
		t.Fatalf("Acquire: %v, want a HeldError with our pid", err)
	}
	if want := fmt.Sprintf("%s: process %d holds it", path, os.Getpid()); err.Error() != want {
		t.Errorf("it says %q, want %q", err, want)
	}
	wantContent(t, path, line(os.Getpid()))
	f.Release()
	wantAbsent(t, path)
}

// TestReleaseRemovesOnlyItsOwn: the file was removed under us, and what stands there now is somebody else's.
func TestReleaseRemovesOnlyItsOwn(t *testing.T) {
	for name, replace := range map[string]func(path string) error{
		"a new file": func(path string) error { return os.WriteFile(path, []byte("2\n"), 0o644) },
		"a symlink":  func(path string) error { return os.Symlink("/dev/null", path) },
		"a directory": func(path string) error {
			return os.Mkdir(path, 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "phorever.pid")
			f := acquire(t, path)
			if err := errors.Join(os.Remove(path), replace(path)); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(path)
			f.Release()
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("it was removed: %v", err)
			}
		})
	}
}

// TestReleaseTwiceIsHarmless: the second one must not take the file of the owner after us.
func TestReleaseTwiceIsHarmless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.pid")
	f := acquire(t, path)
	f.Release()
	acquire(t, path)
	f.Release()
	wantContent(t, path, line(os.Getpid()))
	if word, _ := start(t, "own", path).try(); word != "held" {
		t.Errorf("another process got %q, want held", word)
	}
}

// TestRestorePutsTheFileBack, with the lock in it: what was removed keeps nobody out until then.
func TestRestorePutsTheFileBack(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"file removed":      os.Remove,
		"file replaced":     func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, []byte("1\n"), 0o644)) },
		"directory removed": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run", "phorever.pid")
			f := acquire(t, path)
			before, _ := os.Lstat(path)
			if err := f.Restore(); err != nil {
				t.Fatal(err)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Fatalf("Restore has replaced what was there: %v", err)
			}
			if err := harm(path); err != nil {
				t.Fatal(err)
			}
			if err := f.Restore(); err != nil {
				t.Fatal(err)
			}
			wantContent(t, path, line(os.Getpid()))
			if word, pid := start(t, "own", path).try(); word != "held" || pid != os.Getpid() {
				t.Errorf("another process got %s %d, want held %d", word, pid, os.Getpid())
			}
			f.Release()
			wantAbsent(t, path)
		})
	}
}

// TestRestoreDoesNotStealFromANewOwner, which came while the file was missing; nor does Release.
func TestRestoreDoesNotStealFromANewOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.pid")
	f := acquire(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := start(t, "own", path)
	if word, _ := second.try(); word != "own" {
		t.Fatal(word)
	}
	err := f.Restore()
	var held *HeldError
	if !errors.As(err, &held) || held.Pid != second.pid() {
		t.Errorf("Restore: %v, want a HeldError with %d", err, second.pid())
	}
	f.Release()
	wantContent(t, path, line(second.pid()))
}
