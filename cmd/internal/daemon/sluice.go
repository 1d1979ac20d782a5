package daemon

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/spec"
)

// mostLines is how many lines may wait for a slow disk or a stopped terminal.
const mostLines = 8192

// sluice lets lines through to a writer that may be slow, or stuck, on a goroutine of its own. Whoever offers a line never
// waits; what does not fit is counted.
type sluice struct {
	write func(line []byte, lost int)
	first func() // on the goroutine, before anything is written
	lines chan []byte
	done  chan struct{}
	lost  atomic.Int64

	mu     sync.RWMutex
	closed bool
}

func newSluice(write func(line []byte, lost int)) *sluice {
	return &sluice{write: write, first: func() {}, lines: make(chan []byte, mostLines), done: make(chan struct{})}
}

func (s *sluice) start() {
	go func() {
		defer close(s.done)
		s.first()
		for line := range s.lines {
			s.write(line, int(s.lost.Swap(0)))
		}
	}()
}

func (s *sluice) offer(line []byte) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return
	}
	select {
	case s.lines <- line:
	default:
		s.lost.Add(1)
	}
}

// close takes no more lines, and waits until the others are written or it is late.
func (s *sluice) close(late <-chan time.Time) {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.lines)
	}
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-late:
	}
}

// logFile is the file behind a sluice.
type logFile struct {
	path string
	mu   sync.Mutex
	file *os.File
	// opened, if not nil, is told of the descriptor when the file was put aside, and another opened.
	opened func(fd int)
	rotate atomic.Pointer[spec.Rotate] // nil: never
	size   int64
	lost   int  // lines that the disk did not take
	torn   bool // the last one ends in the middle
}

func openLogFile(path string) (*logFile, error) {
	f := &logFile{path: path}
	return f, f.reopen()
}

// tell tells opened of the file, now and whenever it is another one.
func (f *logFile) tell(opened func(fd int)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = opened
	opened(int(f.file.Fd()))
}

func (f *logFile) reopen() error {
	file, err := openToAppend(f.path)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.take(file)
	return nil
}

// take goes on with another file. The caller holds f.mu.
func (f *logFile) take(file *os.File) {
	if f.file != nil {
		_ = f.file.Close()
	}
	f.file, f.size = file, 0
	if info, err := file.Stat(); err == nil {
		f.size = info.Size()
	}
	if f.opened != nil {
		f.opened(int(file.Fd()))
	}
}

// putAside keeps the file from growing without bound. The caller holds f.mu. What goes wrong is not told here, where it would grow
// the file; the file then goes on as it is.
func (f *logFile) putAside() {
	rotate := f.rotate.Load()
	if rotate == nil {
		return
	}
	done, err := actors.PutAside(f.path, int(f.file.Fd()), f.size, *rotate, func(error) {})
	if err != nil || !done {
		return
	}
	if file, err := openToAppend(f.path); err == nil {
		f.take(file)
	}
}

func openToAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
}

// write puts down one line. A line that a full disk does not take is counted, and the count written when there is room.
func (f *logFile) write(line []byte, lost int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost += lost
	if f.lost > 0 {
		line = fmt.Appendf(nil, "(%d lines are missing here)\n%s", f.lost, line)
	}
	if f.torn {
		line = append([]byte("\n"), line...)
	}
	f.putAside()
	n, err := f.file.Write(line)
	f.size += int64(n)
	if err == nil {
		f.lost, f.torn = 0, false
		return
	}
	f.lost++
	f.torn = f.torn && n == 0 || n > 0 && line[n-1] != '\n'
}
