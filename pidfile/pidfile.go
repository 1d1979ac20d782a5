package pidfile

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// File is a pid file that we own. Its methods are not safe for concurrent use.
type File struct {
	path string
	file *os.File
	pid  int // whose number stands in it
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

// patience is how long Acquire waits for a holder to write its number, and for those who only look to look away.
const patience = time.Second

// errBusy is one attempt's failure to get the lock.
var errBusy = errors.New("another process has the lock")

// Acquire locks the file and writes our pid into it, or returns a *HeldError. Missing directories are made. A symlink in
// the place of the file is refused: it would have us write elsewhere.
func Acquire(path string) (*File, error) { return AcquireFor(path, os.Getpid()) }

// AcquireFor is Acquire for a process that shares the lock with us: its number is written.
func AcquireFor(path string, pid int) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(patience); ; {
		f, err := open(path)
		if err != nil {
			return nil, err
		}
		f.pid = pid
		holder, err := f.own()
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, errBusy):
			_ = f.file.Close()
			return nil, err
		}
		_ = f.file.Close()
		if holder > 0 || time.Now().After(deadline) {
			return nil, &HeldError{path, holder}
		}
		<-time.After(time.Millisecond + rand.N(4*time.Millisecond)) // not in step with others who try
	}
}

func open(path string) (*File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
	switch {
	case errors.Is(err, syscall.ELOOP):
		return nil, fmt.Errorf("%s: is a symbolic link; name the file itself", path)
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.EOPNOTSUPP): // a socket, on Linux and elsewhere
		return nil, fmt.Errorf("%s: is not a regular file", path)
	case err != nil:
		return nil, err
	}
	return &File{path: path, file: file}, nil
}

// Inherit is the file of a process whose descriptor was handed to us, with its lock.
func Inherit(path string, descriptor, pid int) *File {
	syscall.CloseOnExec(descriptor)
	return &File{path: path, file: os.NewFile(uintptr(descriptor), path), pid: pid}
}

// Descriptor is what carries the lock: whoever has a copy of it has the lock.
func (f *File) Descriptor() int { return int(f.file.Fd()) }

// Rewrite puts the number of another process that shares the lock into the file.
func (f *File) Rewrite(pid int) error {
	f.pid = pid
	if err := f.write(pid); err != nil {
		return err
	}
	return f.file.Truncate(int64(len(strconv.Itoa(pid)) + 1))
}

// own takes the lock and writes our number, or returns errBusy with the number of the process that has it, as far as that
// is known already.
//
// An owner holds the exclusive lock, and got it on an empty file. So what stands in a file that is held is its owner's
// number and never a dead process's, and a file that is not empty can be emptied under a shared lock, which no owner
// would let us have.
func (f *File) own() (pid int, err error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%s: is not a regular file", f.path)
	}
	if info.Size() > 0 {
		if err := f.lock(syscall.LOCK_SH); err != nil {
			return f.read(), err
		}
		if err := f.file.Truncate(0); err != nil {
			return 0, err
		}
	}
	// Without a number: who is in the way may be an owner, or somebody who only looks.
	if err := f.lock(syscall.LOCK_EX); err != nil {
		return 0, err
	}
	if info, err = f.file.Stat(); err != nil {
		return 0, err
	}
	if info.Size() > 0 || !f.current() { // an owner came and went, and this is what it left, or not even the same file
		return 0, errBusy
	}
	if err := f.write(f.pid); err != nil {
		_ = os.Remove(f.path)
		return 0, err
	}
	return 0, nil
}

func (f *File) lock(how int) error {
	for {
		switch err := syscall.Flock(int(f.file.Fd()), how|syscall.LOCK_NB); {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errBusy
		default:
			return fmt.Errorf("%s: lock: %w", f.path, err)
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

func (f *File) write(pid int) error {
	if _, err := f.file.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0); err != nil {
		return err
	}
	return nil
}

// Restore puts the file back, with the lock and our pid, when somebody has removed or replaced it. When another process
// owns the new file it returns a *HeldError, and we keep the lock of the old one.
func (f *File) Restore() error {
	if f.current() {
		return nil
	}
	fresh, err := AcquireFor(f.path, f.pid)
	if err != nil {
		return err
	}
	_ = f.file.Close()
	f.file = fresh.file
	return nil
}

// Release removes the file, if it is still ours, and then gives up the lock, for everybody who shares it.
func (f *File) Release() {
	if f.current() {
		_ = os.Remove(f.path)
	}
	_ = syscall.Flock(int(f.file.Fd()), syscall.LOCK_UN)
	_ = f.file.Close()
}
