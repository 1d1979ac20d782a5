package pidfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// File is a pid file that we own. Its methods are not safe for concurrent use.
type File struct {
	path string
	file *os.File
}

// HeldError says that another process owns the file.
type HeldError struct {
	Path string
	Pid  int // as it wrote it; 0 when it has written none yet
}

func (e *HeldError) Error() string {
	if e.Pid == 0 {
		return fmt.Sprintf("%s: another process holds it", e.Path)
	}
	return fmt.Sprintf("%s: process %d holds it", e.Path, e.Pid)
}

// Acquire locks the file and writes our pid into it, or returns a *HeldError. Missing directories are made. A symlink in
// the place of the file is refused: it would have us write elsewhere.
func Acquire(path string) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
		if err != nil {
			if errors.Is(err, syscall.ELOOP) {
				return nil, fmt.Errorf("%s: is a symbolic link; name the file itself", path)
			}
			return nil, err
		}
		f := &File{path, file}
		held, err := f.lock()
		if err != nil || held {
			pid := f.read()
			_ = file.Close()
			if held {
				return nil, &HeldError{path, pid}
			}
			return nil, err
		}
		if !f.current() { // its owner removed it while we waited at the door: the file there now is another one
			_ = file.Close()
			continue
		}
		if err := f.write(os.Getpid()); err != nil {
			_ = file.Close()
			return nil, err
		}
		return f, nil
	}
}

func (f *File) lock() (held bool, err error) {
	if info, err := f.file.Stat(); err != nil {
		return false, err
	} else if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%s: is not a regular file", f.path)
	}
	for {
		switch err := syscall.Flock(int(f.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return false, nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return true, nil
		default:
			return false, fmt.Errorf("%s: lock: %w", f.path, err)
		}
	}
}

// current tells whether the path still names the file that we have open.
func (f *File) current() bool {
	there, errThere := os.Lstat(f.path)
	ours, errOurs := f.file.Stat()
	return errThere == nil && errOurs == nil && os.SameFile(there, ours)
}

func (f *File) read() int {
	content, _ := io.ReadAll(io.NewSectionReader(f.file, 0, 32))
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil || pid < 1 {
		return 0
	}
	return pid
}

// write puts the number there before it cuts what an earlier, longer one left: the file is at no time empty.
func (f *File) write(pid int) error {
	line := strconv.Itoa(pid) + "\n"
	if _, err := f.file.WriteAt([]byte(line), 0); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return f.file.Truncate(int64(len(line)))
}

// Release removes the file, if it is still ours, and then gives up the lock.
func (f *File) Release() {
	if f.current() {
		_ = os.Remove(f.path)
	}
	_ = f.file.Close()
}
