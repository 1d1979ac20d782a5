package logs

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// errOver is why a compression ends early.
var errOver = errors.New("the pump ends")

// window is how far back the compression looks, in bytes: log lines are like their neighbours, and memory counts.
const window = 512 << 10

// compress compresses what was put aside of a log file and is not compressed yet, one file after the other. A file may get
// another number, or go, meanwhile.
func (a *aside) compress(path string, how Compression, over <-chan struct{}) error {
	for {
		plain, id, err := a.plain(path)
		if plain == nil || err != nil {
			return err
		}
		packed, err := pack(path, plain, how, over)
		if err == nil {
			err = a.replace(path, id, packed, how)
		}
		plain.Close() // not before: if the file went meanwhile another one could be what it was, and be replaced
		if err != nil {
			return err
		}
	}
}

// plain is the first that is not compressed, nil when there is none.
func (a *aside) plain(path string) (*os.File, identity, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := 1; ; i++ {
		name := asideName(path, i)
		switch names := variants(path, i); {
		case len(names) == 0:
			return nil, identity{}, nil
		case names[0] != "":
			continue
		case len(names) > 1: // it was compressed, and we were killed before it went
			if err := a.remove(name); err != nil {
				return nil, identity{}, err
			}
			continue
		}
		fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err == unix.ELOOP {
			continue
		}
		if err != nil {
			return nil, identity{}, &os.PathError{Op: "open", Path: name, Err: err}
		}
		id, size, _, err := identify(fd)
		if err != nil || size < 0 {
			_ = unix.Close(fd)
			continue
		}
		return os.NewFile(uintptr(fd), name), id, nil
	}
}

// pack compresses a file into a new one beside it, whose name is answered.
func pack(path string, from *os.File, how Compression, over <-chan struct{}) (name string, err error) {
	name = filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".packing")
	_ = os.Remove(name) // of one that was killed
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = to.Close()
			_ = os.Remove(name)
		}
	}()
	likewise(int(to.Fd()), int(from.Fd()))
	var packer io.WriteCloser
	switch how {
	case Gzip:
		packer = gzip.NewWriter(to)
	case Zstd:
		packer, err = zstd.NewWriter(to, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(window))
	default:
		err = fmt.Errorf("compress: %q", how)
	}
	if err != nil {
		return "", err
	}
	if _, err = io.CopyBuffer(packer, stoppable{from, over}, make([]byte, 64<<10)); err != nil {
		return "", fmt.Errorf("compress %s: %w", from.Name(), err)
	}
	if err = packer.Close(); err != nil {
		return "", err
	}
	if err = to.Sync(); err != nil { // the plain one goes
		return "", err
	}
	if err = to.Close(); err != nil {
		return "", err
	}
	if info, known := from.Stat(); known == nil { // whoever follows the log finds the plain one again by its time
		err = os.Chtimes(name, time.Time{}, info.ModTime())
	}
	return name, err
}

// stoppable reads until it is over.
type stoppable struct {
	io.Reader
	over <-chan struct{}
}

func (s stoppable) Read(to []byte) (int, error) {
	select {
	case <-s.over:
		return 0, errOver
	default:
		return s.Reader.Read(to)
	}
}

// replace puts a compressed file into the place of the plain one, whatever number that has now.
func (a *aside) replace(path string, id identity, packed string, how Compression) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := 1; ; i++ {
		name := asideName(path, i)
		if len(variants(path, i)) == 0 { // it is gone: there were too many
			return os.Remove(packed)
		}
		if now, err := nameOf(name); err != nil || now != id {
			continue
		}
		if a.index != "" { // it tells of the same bytes
			if now, err := nameOf(packed); err == nil {
				_ = os.Remove(indexName(a.index, now)) // of one that is gone
				_ = os.Link(indexName(a.index, id), indexName(a.index, now))
			}
		}
		if err := os.Rename(packed, name+how.suffix()); err != nil {
			return err
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if a.index != "" { // not before: who reads the plain one needs it. Our caller has it open, so that no other file is what it was
			_ = os.Remove(indexName(a.index, id))
		}
		return nil
	}
}
