package osproc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNotYet says that a pid file is not there, or still empty: a program writes it when it is up.
var ErrNotYet = errors.New("is not written yet")

// mostPidFile is how long a pid file may be, in bytes: a number and some white space.
const mostPidFile = 64

// ReadPidFile is the number in a pid file. It never waits, follows no symbolic link in the file's place and reads a few bytes
// only. Whom the number means it does not know: anybody may have written it.
func ReadPidFile(path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	switch {
	case errors.Is(err, syscall.ENOENT):
		return 0, fmt.Errorf("pid file %s: %w", path, ErrNotYet)
	case errors.Is(err, syscall.ELOOP):
		return 0, fmt.Errorf("pid file %s: is a symbolic link", path)
	case errors.Is(err, syscall.ENXIO):
		return 0, fmt.Errorf("pid file %s: is not a regular file", path)
	case err != nil:
		return 0, fmt.Errorf("pid file %s: %w", path, err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	switch {
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("pid file %s: is not a regular file", path)
	case info.Size() > mostPidFile:
		return 0, fmt.Errorf("pid file %s: holds %d bytes, more than a number has", path, info.Size())
	}
	text, err := io.ReadAll(io.LimitReader(file, mostPidFile))
	if err != nil {
		return 0, fmt.Errorf("pid file %s: %w", path, err)
	}
	pid, err := parsePid(string(text))
	if err != nil {
		return 0, fmt.Errorf("pid file %s: %w", path, err)
	}
	return pid, nil
}

func parsePid(text string) (int, error) {
	word := strings.TrimSpace(text)
	if word == "" {
		return 0, ErrNotYet
	}
	pid, err := strconv.ParseInt(word, 10, 32)
	switch {
	case err != nil:
		return 0, fmt.Errorf("holds %.20q, which is no number of a process", word)
	case pid < 2:
		return 0, fmt.Errorf("holds %d, which is no process of ours", pid)
	case int(pid) == os.Getpid() || int(pid) == os.Getppid():
		return 0, fmt.Errorf("holds %d, which is Phorever itself", pid)
	}
	return int(pid), nil
}
