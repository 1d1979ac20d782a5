package logs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// asideFiles are the files of a log, oldest first, uncompressed.
func asideFiles(t testing.TB, path string) (all []string) {
	t.Helper()
	for i := 1; ; i++ {
		names := variants(path, i)
		if len(names) == 0 {
			break
		}
		if len(names) != 1 {
			t.Errorf("number %d is there as %q", i, names)
		}
		all = append([]string{unpacked(t, asideName(path, i)+names[0])}, all...)
	}
	return append(all, content(t, path))
}

func unpacked(t testing.TB, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var from io.Reader = file
	switch filepath.Ext(path) {
	case ".gz":
		from, err = gzip.NewReader(file)
	case ".zst":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(file); err == nil {
			defer d.Close()
			from = d
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return string(text)
}

// Whatever lines come, in whatever batches: the files are their end, in order, none is larger than it may be, but for a single
// line, and there are never too many.
func TestRotationAgainstAModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		path := filepath.Join(t.TempDir(), "web.log")
		rotation := Rotation{Size: rapid.Int64Range(1, 40).Draw(r, "size"), Keep: rapid.IntRange(0, 4).Draw(r, "keep")}
		lines := rapid.SliceOfN(rapid.StringMatching("[a-z]{0,50}\n"), 1, 60).Draw(r, "lines")
		var a aside
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for text := []byte(strings.Join(lines, "")); len(text) > 0; {
			seen := text[:min(len(text), rapid.IntRange(1, 120).Draw(r, "batch"))]
			if end := lineEnd(seen); end > 0 {
				seen = seen[:end]
			} else {
				seen = text[:firstLine(text)]
			}
			now := content(t, path)
			n := rotation.fits(int64(len(now)), seen)
			if n == 0 {
				id, err := nameOf(path)
				if err == nil {
					err = a.put(path, id, rotation.Keep)
				}
				if err == nil {
					err = os.WriteFile(path, nil, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				now = ""
				n = rotation.fits(0, seen)
			}
			if n == 0 || seen[n-1] != '\n' {
				r.Fatalf("%d of %q go into an empty file", n, seen)
			}
			if err := os.WriteFile(path, []byte(now+string(seen[:n])), 0o600); err != nil {
				t.Fatal(err)
			}
			text = text[n:]
		}
		files := asideFiles(t, path)
		if !strings.HasSuffix(strings.Join(lines, ""), strings.Join(files, "")) {
			r.Fatalf("files %q of lines %q", files, lines)
		}
		if len(files) > rotation.Keep+1 {
			r.Fatalf("%d files", len(files))
		}
		for _, text := range files {
			if int64(len(text)) > rotation.Size && strings.Count(text, "\n") > 1 {
				r.Fatalf("%q is too large", text)
			}
		}
		if whole := strings.Join(files, ""); len(files) <= rotation.Keep && whole != strings.Join(lines, "") {
			r.Fatalf("%q is missing something of %q", whole, lines)
		}
	})
}

// Three clones write into one file as fast as they can, while it is put aside again and again: each line is there once, whole,
// and in order.
func TestNothingIsLostWhileFilesArePutAside(t *testing.T) {
	for _, how := range []Compression{"", Gzip, Zstd} {
		t.Run(string(how), func(t *testing.T) {
			const size = 64 << 10
			lines := 30000
			if how != "" { // the compression has the lowest priority, and the machine may be busy
				lines = 10000
			}
			path, p := logPath(t), newPump(t)
			var c Counter
			trouble := make(chan error, 100)
			p.Tell(func(n Note) { trouble <- n.(Trouble).Err })
			f := open(t, p, FileOptions{Path: path, OnFull: Block, Rotate: Rotation{Size: size, Keep: 1000, Compress: how}})
			var writers sync.WaitGroup
			for clone := range 3 {
				s, w := attach(t, p, f, &c)
				writers.Go(func() {
					for i := range lines {
						if _, err := fmt.Fprintf(w, "%d %d %s\n", clone, i, strings.Repeat("x", i%100)); err != nil {
							t.Error(err)
						}
					}
					finish(t, s)
				})
			}
			writers.Wait()
			eventually(t, "all is logged", func() bool { return c.Logged.Load() == int64(3*lines) }) // a run waits 200 ms for a file that is slow
			if how != "" {
				eventually(t, "all but the newest are compressed", func() bool {
					names, _ := filepath.Glob(path + ".*")
					packed, _ := filepath.Glob(path + ".*" + how.suffix())
					hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
					return len(names) == len(packed) && len(hidden) == 0
				})
			}
			var next [3]int
			files := asideFiles(t, path)
			if len(files) < 20 {
				t.Errorf("only %d files", len(files))
			}
			for i, text := range files {
				if len(text) > size || runs(t) && i < len(files)-1 && len(text) < size-200 {
					t.Errorf("file %d has %d bytes", i, len(text))
				}
				for line := range strings.Lines(text) {
					var clone, n int
					if _, err := fmt.Sscanf(line, "%d %d", &clone, &n); err != nil || n != next[clone] || len(line) != len(strconv.Itoa(n))+4+n%100 {
						t.Fatalf("%q is not line %d (%v)", line, next[clone], err)
					}
					next[clone]++
				}
			}
			want(t, "lines in the files", [3]int{lines, lines, lines}, next)
			select {
			case err := <-trouble:
				t.Error(err)
			default:
			}
		})
	}
}

// Only what is due is put aside: a file whose name another one has got meanwhile is not touched.
func TestOnlyTheFileItselfIsPutAside(t *testing.T) {
	path, p := logPath(t), newPump(t)
	f := open(t, p, FileOptions{Path: path, Rotate: Rotation{Size: 15, Keep: 2}})
	s, w := attach(t, p, f, nil)
	write(t, w, "one one one\n")
	finish(t, s)
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, w, "two two\n")
	finish(t, s)
	want(t, "moved", "one one one\n", content(t, path+".moved"))
	want(t, "what has its name", "other\ntwo two\n", content(t, path))
	if names := variants(path, 1); len(names) > 0 {
		t.Errorf("put aside: %q", content(t, asideName(path, 1)))
	}
}

func TestRightsSurviveRotation(t *testing.T) {
	path, p := logPath(t), newPump(t)
	s, w := attach(t, p, open(t, p, FileOptions{Path: path, Rotate: Rotation{Size: 10, Keep: 2}}), nil)
	write(t, w, "one two\n")
	finish(t, s)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	write(t, w, "three four\nfive six\nseven\n")
	finish(t, s)
	want(t, "newest", "seven\n", content(t, path))
	want(t, "second", "five six\n", content(t, path+".1"))
	want(t, "third", "three four\n", content(t, path+".2"))
	for _, name := range []string{path, path + ".1", path + ".2"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		want(t, name, "-rw-r-----", info.Mode().String())
	}
}

func TestAgePutsAside(t *testing.T) {
	r := Rotation{Age: time.Hour, Keep: 1}
	now := time.Now()
	want(t, "young", false, r.due(5, now.Add(-time.Minute), now))
	want(t, "old", true, r.due(5, now.Add(-time.Hour), now))
	want(t, "old and empty", false, r.due(0, now.Add(-time.Hour), now))
	path, p := logPath(t), newPump(t)
	s, w := attach(t, p, open(t, p, FileOptions{Path: path, Rotate: Rotation{Age: 50 * time.Millisecond, Keep: 1}}), nil)
	write(t, w, "one\n")
	finish(t, s)
	time.Sleep(60 * time.Millisecond)
	write(t, w, "two\n")
	finish(t, s)
	want(t, "old", "one\n", content(t, path+".1"))
	want(t, "new", "two\n", content(t, path))
}

// A directory that takes no other names stops nothing: lines go on into the file that is open, and the trouble is told once.
func TestWhatCannotBePutAsideGoesOn(t *testing.T) {
	path, p := logPath(t), newPump(t)
	var told []error
	var mu sync.Mutex
	p.Tell(func(n Note) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, n.(Trouble).Err)
	})
	s, w := attach(t, p, open(t, p, FileOptions{Path: path, Rotate: Rotation{Size: 10, Keep: 2}}), nil)
	if err := os.MkdirAll(path+".1/in-the-way", 0o700); err != nil { // a rename cannot replace it
		t.Fatal(err)
	}
	if err := os.MkdirAll(path+".2/in-the-way", 0o700); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		write(t, w, "123456789\n")
		finish(t, s)
	}
	want(t, "file", strings.Repeat("123456789\n", 5), content(t, path))
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 1 {
		t.Errorf("told %v", told)
	}
}

// Killed in the middle of a compression, or right before the plain file went: the next one begins anew.
func TestCompressionIsTakenUpAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.log")
	for name, text := range map[string]string{
		"web.log": "now\n", "web.log.1": "one\n", "web.log.2": "two\n", "web.log.3.gz": "three", ".web.log.packing": "half",
	} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	_, _ = packer.Write([]byte("two\n"))
	_ = packer.Close()
	if err := os.WriteFile(path+".2.gz", packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var a aside
	if err := a.compress(path, Gzip, nil); err != nil {
		t.Fatal(err)
	}
	want(t, "first", "one\n", unpacked(t, path+".1.gz"))
	want(t, "second", "two\n", unpacked(t, path+".2.gz"))
	names, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	want(t, "files", 4, len(names))
	want(t, "hidden ones", 0, len(hidden))
}
