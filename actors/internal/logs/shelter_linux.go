package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Channel makes the FIFO of one stream of a run: the end to be attached, and the end for the process, which can read from it
// as well, so that it lives on, and its output waits, when nobody else has the FIFO. It belongs to the user that the process
// runs as (negative: ours), who may open it again as /dev/stdout. Where there is no shelter, or it refuses, it is a pipe: what
// lies in that when we are killed is lost.
func (p *Pump) Channel(name string, uid, gid int) (read, write int, err error) {
	if p.shelter == nil {
		return anonymous()
	}
	path := p.PathOf(name)
	if err := unix.Mkfifo(path, 0o600); err != nil {
		if err != unix.EEXIST {
			return anonymous()
		}
		_ = os.Remove(path) // of a run that nobody knows any more
		if unix.Mkfifo(path, 0o600) != nil {
			return anonymous()
		}
	}
	read, write, err = openBoth(path)
	if err == nil && uid >= 0 && os.Geteuid() == 0 {
		if err = unix.Fchown(write, uid, gid); err != nil {
			_ = unix.Close(read)
			_ = unix.Close(write)
		}
	}
	if err != nil {
		_ = os.Remove(path)
		return anonymous()
	}
	p.shelter.Hold(path)
	return read, write, nil
}

func openBoth(path string) (read, write int, err error) {
	read, err = retryInterrupted(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	})
	if err != nil {
		return -1, -1, err
	}
	write, err = retryInterrupted(func() (int, error) { return unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0) })
	if err != nil {
		_ = unix.Close(read)
		return -1, -1, err
	}
	return read, write, nil
}

// anonymous is a pipe whose second end can be read from as well.
func anonymous() (read, write int, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return -1, -1, os.NewSyscallError("pipe2", err)
	}
	if both, err := unix.Open("/proc/self/fd/"+strconv.Itoa(ends[1]), unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
		_ = unix.Close(ends[1])
		ends[1] = both
	}
	return ends[0], ends[1], nil
}

// PathOf is where the FIFO of a stream is.
func (p *Pump) PathOf(name string) string {
	if p.shelter == nil {
		return ""
	}
	return filepath.Join(p.shelter.Directory, name)
}

// Rejoin opens the FIFO of an earlier pump again. The error is fs.ErrNotExist when it is gone.
func (p *Pump) Rejoin(name string) (read int, err error) {
	if p.shelter == nil {
		return -1, fs.ErrNotExist
	}
	path := p.PathOf(name)
	read, err = retryInterrupted(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	})
	if errors.Is(err, unix.ENOENT) {
		return -1, fs.ErrNotExist
	}
	if err != nil {
		return -1, fmt.Errorf("%s: %w", path, err)
	}
	p.shelter.Hold(path)
	return read, nil
}

// leave gives up a FIFO that nobody will write to any more, or that was closed for good; not another one in its place.
func (p *Pump) leave(name string, fd int) {
	if p.shelter == nil || name == "" {
		return
	}
	path := p.PathOf(name)
	var ours, there unix.Stat_t
	if unix.Fstat(fd, &ours) == nil && unix.Lstat(path, &there) == nil && (ours.Ino != there.Ino || ours.Dev != there.Dev) {
		return
	}
	_ = os.Remove(path)
	p.shelter.Let(path)
}

// Held are the FIFOs that whoever outlives us is to hold: for one that begins.
func (p *Pump) Held() []string {
	if p.shelter == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, s := range p.streams {
		if s != nil && s.name != "" {
			all = append(all, p.PathOf(s.name))
		}
	}
	for i := range p.stageTaken {
		if p.stageTaken[i] { // the goroutine's: one that is just being taken is held by its taker
			all = append(all, p.stageName(i))
		}
	}
	return all
}

// Quiesce ends the moving of lines between two batches, for good, and returns when it has ended: everything is in FIFOs and
// files then, and whoever comes next goes on. A file that does not answer is not waited for.
func (p *Pump) Quiesce() {
	still := make(chan struct{})
	if !p.post(func() { close(still); select {} }) {
		return
	}
	<-still
	p.ways.close()
}
