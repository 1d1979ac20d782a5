package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func open(t *testing.T, directories ...string) (*Journal, Found) {
	t.Helper()
	j, found, err := Open(Options{Directories: directories, Name: "state.db", Boot: "boot"})
	if err != nil {
		t.Fatal(err)
	}
	return j, found
}

// die leaves the journal as a process does that is killed.
func die(j *Journal) { j.Close(false) }

func TestWhatWasPutIsFoundAgain(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "state")
	j, found := open(t, directory)
	if len(found.Values) != 0 || found.Clean || len(found.Ignored) != 0 {
		t.Fatalf("%+v", found)
	}
	for i := range 500 {
		j.Put(fmt.Sprintf("key %d", i%50), fmt.Appendf(nil, "value %d", i))
	}
	j.Delete("key 7")
	j.Flush()
	die(j)
	j, found = open(t, directory)
	if len(found.Values) != 49 || string(found.Values["key 8"]) != "value 458" || found.Values["key 7"] != nil || !found.SameBoot {
		t.Fatalf("%d values, key 8 is %q", len(found.Values), found.Values["key 8"])
	}
	j.Close(true)
	j, found = open(t, directory)
	if !found.Clean || len(found.Values) != 0 {
		t.Fatalf("after an orderly end: %+v", found)
	}
	die(j)
	info, err := os.Stat(filepath.Join(directory, "state.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
}

func TestCommitAndWrittenAnswerOnce(t *testing.T) {
	j, _ := open(t, t.TempDir())
	defer die(j)
	committed, written := make(chan error, 2), make(chan struct{}, 2)
	j.Put("a", []byte("1"))
	j.Written(func() { written <- struct{}{} })
	j.Commit(func(err error) { committed <- err })
	<-written
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
}

// A file that is cut off at any byte, or has any byte changed, gives an earlier state, and never a value that was not put.
func TestAnyDamageGivesAnEarlierState(t *testing.T) {
	directory := t.TempDir()
	j, _ := open(t, directory)
	history := []map[string]string{{}}
	for i := range 40 {
		key, value := fmt.Sprintf("key %d", i%7), fmt.Sprintf("value %d", i)
		j.Put(key, []byte(value))
		j.Flush()
		next := map[string]string{key: value}
		for k, v := range history[len(history)-1] {
			if k != key {
				next[k] = v
			}
		}
		history = append(history, next)
	}
	die(j)
	whole, err := os.ReadFile(filepath.Join(directory, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	known := func(values map[string][]byte) bool {
		for _, earlier := range history {
			same := len(earlier) == len(values)
			for k, v := range values {
				same = same && earlier[k] == string(v)
			}
			if same {
				return true
			}
		}
		return false
	}
	for n := range whole {
		if c, err := parse(whole[:n]); err == nil && !known(c.values) {
			t.Fatalf("cut off at %d: %v", n, c.values)
		}
		changed := bytes.Clone(whole)
		changed[n] ^= 0x10
		if c, err := parse(changed); err == nil && !known(c.values) {
			t.Fatalf("changed at %d: %v", n, c.values)
		}
	}
	if c, err := parse(whole); err != nil || c.damage != "" || len(c.values) != 7 {
		t.Fatalf("whole: %v %+v", err, c)
	}
}

func TestWhatIsNotOursIsNotRead(t *testing.T) {
	valid := appendRecord(appendHead(nil, head{Version: version, Boot: "boot", Generation: 9}), put, "a", []byte("1"))
	for name, prepare := range map[string]func(path string) error{
		"zeros":                func(path string) error { return os.WriteFile(path, make([]byte, 4096), 0o600) },
		"empty":                func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"text":                 func(path string) error { return os.WriteFile(path, []byte("nonsense"), 0o600) },
		"writable by others":   func(path string) error { return errors.Join(os.WriteFile(path, valid, 0o600), os.Chmod(path, 0o666)) },
		"a symbolic link":      func(path string) error { return os.Symlink("/etc/passwd", path) },
		"a FIFO":               func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"of a later version":   func(path string) error { return os.WriteFile(path, appendHead(nil, head{Version: 99}), 0o600) },
		"a directory in place": func(path string) error { return os.Mkdir(path+"x", 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			if err := prepare(filepath.Join(directory, "state.db")); err != nil {
				t.Fatal(err)
			}
			j, found, err := Open(Options{Directories: []string{directory}, Name: "state.db", Boot: "boot"})
			if err != nil || len(found.Values) != 0 || found.Clean {
				t.Fatalf("%v %+v", err, found)
			}
			if len(found.Ignored) != 1 && name != "a directory in place" {
				t.Errorf("it says %q", found.Ignored)
			}
			j.Put("b", []byte("2"))
			j.Flush()
			die(j)
			if again, err := os.ReadFile(filepath.Join(directory, "state.db.v99")); strings.Contains(name, "version") && (err != nil || len(again) == 0) {
				t.Errorf("it was not put aside: %v", err)
			}
			j, found = open(t, directory)
			die(j)
			if string(found.Values["b"]) != "2" {
				t.Errorf("afterwards: %+v", found)
			}
		})
	}
}

func TestAnotherBootSaysNothingOfWhatLives(t *testing.T) {
	directory := t.TempDir()
	j, _ := open(t, directory)
	j.Put("a", []byte("1"))
	j.Flush()
	die(j)
	j, found, err := Open(Options{Directories: []string{directory}, Name: "state.db", Boot: "another"})
	if err != nil || found.SameBoot {
		t.Fatalf("%v %+v", err, found)
	}
	die(j)
}

func TestADirectoryThatRefusesIsLeftForTheNext(t *testing.T) {
	if os.Geteuid() == 0 {
		refused := "/proc/nowhere/state" // where even root makes no directory
		second := t.TempDir()
		j, _, err := Open(Options{Directories: []string{refused, second}, Name: "state.db", Boot: "boot"})
		if err != nil || j.Trouble() == nil {
			t.Fatalf("%v, trouble %v", err, j.Trouble())
		}
		j.Put("a", []byte("1"))
		j.Flush()
		die(j)
		j, found := open(t, refused+"x", second)
		die(j)
		if string(found.Values["a"]) != "1" {
			t.Fatalf("%+v", found)
		}
		return
	}
	first, second := t.TempDir(), t.TempDir()
	if err := os.Chmod(first, 0o500); err != nil {
		t.Fatal(err)
	}
	j, _, err := Open(Options{Directories: []string{first, second}, Name: "state.db", Boot: "boot"})
	if err != nil || j.Trouble() == nil {
		t.Fatalf("%v, trouble %v", err, j.Trouble())
	}
	j.Put("a", []byte("1"))
	j.Flush()
	die(j)
	j, found, _ := Open(Options{Directories: []string{first, second}, Name: "state.db", Boot: "boot"})
	die(j)
	if string(found.Values["a"]) != "1" {
		t.Fatalf("%+v", found)
	}
}

func TestALongHistoryIsReplacedByASnapshot(t *testing.T) {
	directory := t.TempDir()
	j, _ := open(t, directory)
	for i := range 4000 {
		j.Put("key", fmt.Appendf(nil, "%0600d", i))
		if i%10 == 0 {
			j.Flush() // else only the latest of many is written
		}
	}
	j.Flush()
	info, err := os.Stat(filepath.Join(directory, "state.db"))
	if err != nil || info.Size() > 2*slack {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	die(j)
	j, found := open(t, directory)
	die(j)
	if string(found.Values["key"]) != fmt.Sprintf("%0600d", 3999) {
		t.Errorf("got %q", found.Values["key"])
	}
}

func FuzzParse(f *testing.F) {
	f.Add(appendRecord(appendHead(nil, head{Version: version, Boot: "boot"}), put, "a", []byte("1")))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parse(text)
		if err == nil && c.values == nil {
			t.Error("neither values nor an error")
		}
	})
}

func BenchmarkPut(b *testing.B) {
	j, _, err := Open(Options{Directories: []string{b.TempDir()}, Name: "state.db", Boot: "boot"})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close(true)
	value := bytes.Repeat([]byte("x"), 600)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		value[i%600]++
		j.Put("clone/web:1", bytes.Clone(value))
	}
}
