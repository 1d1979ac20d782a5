package logs

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Rotation is when a log file is put aside: "web.log" as "web.log.1", which becomes "web.log.2", and so on. The zero value
// puts none aside.
type Rotation struct {
	Size     int64         `json:"size,omitempty"` // bytes; no file grows beyond it, but by a single line that is longer
	Age      time.Duration `json:"age,omitempty"`  // of the file, by the clock on the wall; looked at when a line comes
	Keep     int           `json:"keep,omitempty"` // how many that were put aside are kept
	Compress Compression   `json:"compress,omitempty"`
}

// Compression is how a file that was put aside is kept.
type Compression string

// The ways of compression. The zero value is none.
const (
	Gzip Compression = "gzip"
	Zstd Compression = "zstd"
)

// suffixes are what the name of a file that was put aside may end with, behind its number.
var suffixes = []string{"", ".zst", ".gz"}

func (c Compression) suffix() string {
	switch c {
	case Gzip:
		return ".gz"
	case Zstd:
		return ".zst"
	}
	return ""
}

// due says whether a file of this size, born then, is to be put aside before the next line.
func (r Rotation) due(size int64, born, now time.Time) bool {
	return size > 0 && (r.Size > 0 && size >= r.Size || r.Age > 0 && now.Sub(born) >= r.Age)
}

// fits is how much of what is to be written goes into a file that has size bytes already: as many whole lines as it may take.
// 0 says that the file is to be put aside first. Into an empty file one line goes however long it is.
func (r Rotation) fits(size int64, seen []byte) int {
	if r.Size <= 0 || size+int64(len(seen)) <= r.Size {
		return len(seen)
	}
	if room := r.Size - size; room > 0 {
		if n := lineEnd(seen[:room]); n > 0 {
			return n
		}
	}
	if size > 0 {
		return 0
	}
	if n := firstLine(seen); n > 0 {
		return n
	}
	return len(seen)
}

// aside is the files that were put aside. Its methods are safe for concurrent use; they may take as long as the file system does.
type aside struct {
	mu      sync.Mutex
	index   string         // the directory of their indexes, "" for none
	freeing sync.WaitGroup // whoever gives back the blocks of the one that was removed last
}

func asideName(path string, number int) string { return path + "." + strconv.Itoa(number) }

// variants are the names under which number is there, compressed or not.
func variants(path string, number int) (names []string) {
	for _, suffix := range suffixes {
		name := asideName(path, number) + suffix
		if _, err := os.Lstat(name); err == nil {
			names = append(names, suffix)
		}
	}
	return names
}

// put puts a file aside, if it still has its name, and the others one further. Killed anywhere in between it loses nothing: the
// numbers have a gap then, which the next one fills. What is there beyond keep goes.
func (a *aside) put(path string, id identity, keep int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now, err := nameOf(path); err != nil || now != id {
		return err // somebody was faster: the name is free, or another file's
	}
	var row [][]string
	for {
		names := variants(path, len(row)+1)
		if len(names) == 0 {
			break
		}
		row = append(row, names)
	}
	for i := len(row); i > 0; i-- {
		for _, suffix := range row[i-1] {
			from, to := asideName(path, i)+suffix, asideName(path, i+1)+suffix
			var err error
			if i >= keep {
				err = a.remove(from)
			} else {
				err = os.Rename(from, to)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	if keep == 0 {
		return a.remove(path)
	}
	return os.Rename(path, asideName(path, 1))
}

// remove takes a file's name away, and then its index: whoever opens the file finds the index too, or learns that the file is gone. What it
// has on the disk and in memory is given back beside that, which takes milliseconds in which its writer would wait; of one file at a time,
// so that the disk never holds more than one that is to go. The caller holds a.mu.
func (a *aside) remove(name string) error {
	inode, held := holdInode(name) // so that no other file gets its number, and with it its index
	id, unknown := nameOf(name)
	err := os.Remove(name)
	if err == nil && unknown == nil && a.index != "" && id != (identity{}) {
		_ = os.Remove(indexName(a.index, id))
	}
	if held {
		a.freeing.Wait()
		a.freeing.Go(func() { _ = unix.Close(inode) })
	}
	return err
}

// prune removes the indexes of files that are gone.
func (a *aside) prune() {
	a.mu.Lock()
	directory := a.index
	a.mu.Unlock()
	if directory != "" {
		pruneIndexes(directory, &a.mu)
	}
}

// others is what this process puts aside of files that no pump writes.
var others aside

// PutAside puts a file that no pump writes aside if that is due: its writer holds fd open, has written size bytes, and must open the file
// anew if done. It is compressed later, in the background; trouble is told what goes wrong with that.
func PutAside(path string, fd int, size int64, r Rotation, trouble func(error)) (done bool, err error) {
	now := time.Now()
	born := now
	if r.Age > 0 {
		born = bornAt(fd)
	}
	if !r.due(size, born, now) {
		return false, nil
	}
	id, err := nameOf(path)
	if err != nil || id == (identity{}) {
		return err == nil, err
	}
	if err := others.put(path, id, r.Keep); err != nil {
		return false, err
	}
	if r.Compress != "" && r.Keep > 0 {
		go func() {
			lowly()
			if err := others.compress(path, r.Compress, nil); err != nil {
				trouble(err)
			}
		}()
	}
	return true, nil
}

// nameOf is which file has a name; the zero identity if none has, or what has it is no regular file.
func nameOf(path string) (identity, error) {
	var st unix.Stat_t
	_, err := retryInterrupted(func() (int, error) { return 0, unix.Lstat(path, &st) })
	switch {
	case err == unix.ENOENT:
		return identity{}, nil
	case err != nil:
		return identity{}, &os.PathError{Op: "stat", Path: path, Err: err}
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return identity{}, nil
	}
	return identity{uint64(st.Dev), st.Ino}, nil //nolint:unconvert // an int32 on macOS
}

// likewise gives a new file the rights and owners of the one whose place it takes.
func likewise(fd, old int) {
	var st unix.Stat_t
	if unix.Fstat(old, &st) != nil {
		return
	}
	_ = unix.Fchown(fd, int(st.Uid), int(st.Gid)) // before the mode, whose set-id bits it would clear; only root may
	_ = unix.Fchmod(fd, uint32(st.Mode)&0o777)    //nolint:unconvert // an uint16 on macOS
}
