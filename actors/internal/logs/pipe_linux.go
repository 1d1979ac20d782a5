package logs

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
)

const (
	// batchLimit, in bytes, is half of hotPipe, because the stage must hold twice as much. The larger a batch is, the fewer pages go
	// cold between its copies: with 128 KiB 4 KiB writes had two thirds of the speed.
	batchLimit = 512 << 10
	hotPipe    = 1 << 20  // bytes; the most that every user may have, /proc/sys/fs/pipe-max-size
	coldPipe   = 64 << 10 // bytes; what a new pipe has
	pageSize   = 4 << 10
	// mostHot is how many pipes an ordinary user's pump makes large: half of the 64 MiB that all programs of the user share,
	// after which every new pipe of theirs would have two pages.
	mostHot = 32
)

// pipe is a pipe of our own, empty between batches.
type pipe struct{ r, w int }

func newPipe() (pipe, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, os.NewSyscallError("pipe2", err)
	}
	return pipe{ends[0], ends[1]}, nil
}

func (q pipe) close() {
	if q.w > 0 {
		_ = unix.Close(q.r)
		_ = unix.Close(q.w)
	}
}

// batch is what is on its way from one pipe to its file: data, of which the stage holds all but the first done bytes.
type batch struct {
	stage  pipe
	buffer []byte
	data   []byte
	done   int
	stream *Stream
	lines  int
	open   bool // data ends inside a line that goes on
	torn   bool // and nobody will finish it
	raw    int  // 0, or data is a text of our own, which was made of so many bytes that the stage holds
	dress  []byte

	record record // in the ledger, nil for a stage that does not outlive us
	number int    // of the stage, -1 with it
}

// newBatch gives the pump an empty batch. A stage must take whatever the scratch pipe held, and one page more for an end
// of a line that we add: it has twice as many slots. An ordinary user may have 64 MiB in pipes, then new ones have 8 KiB
// and none may grow (pipe-user-pages-soft): batches get smaller.
func (p *Pump) newBatch() error {
	stage, r, number, err := p.newStage()
	if err != nil {
		return err
	}
	size := resize(stage.w, 2*batchLimit)
	scratch := resize(p.scratch.w, size/2)
	p.limit = min(batchLimit, scratch)
	p.batch = &batch{stage: stage, record: r, number: number, buffer: make([]byte, p.limit+len(CutMarker))}
	return nil
}

// resize gives a pipe another size if that is allowed, and returns the size that it has.
func resize(fd, size int) int {
	if got, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, size); err == nil {
		return got
	}
	got, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		return pageSize
	}
	return got
}

// grow makes the pipe of a busy stream large: then batches are large, and the process is woken less often.
func (p *Pump) grow(s *Stream) {
	if s.stunted || s.hot {
		return
	}
	s.stunted = true
	if p.hot < mostHot || os.Geteuid() == 0 {
		s.capacity = int32(resize(int(s.fd), hotPipe))
		s.stunted = s.capacity < hotPipe
	}
	if !s.stunted {
		s.hot = true
		p.hot++
	}
	s.moved = 0
	p.alarm(afterQuiet, func() { p.shrink(s) })
}

// shrink gives back what grow took when the stream is quiet, and lets a stunted one try again.
func (p *Pump) shrink(s *Stream) {
	switch {
	case s.state == gone:
	case s.stunted:
		s.stunted = false
	case s.moved < coldPipe:
		s.capacity = int32(resize(int(s.fd), coldPipe))
		if s.capacity < hotPipe {
			s.hot = false
			p.hot--
			return
		}
		fallthrough // it holds more than that
	default:
		s.moved = 0
		p.alarm(afterQuiet, func() { p.shrink(s) })
	}
}

// unread is how many bytes lie in a pipe. FIONREAD is called TIOCINQ on Linux.
func unread(fd int32) int {
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// full says whether a pipe takes no more. Bytes do not tell: each page counts, also one with a single byte that came from
// splice(2). So its other end is asked, which /proc opens for us.
func full(fd int32) bool {
	w, err := unix.Open("/proc/self/fd/"+strconv.Itoa(int(fd)), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(w) }()
	ask := []unix.PollFd{{Fd: int32(w), Events: unix.POLLOUT}}
	n, err := unix.Poll(ask, 0)
	return err == nil && n == 0
}

// roomy says that the process can go on writing for a while.
func (s *Stream) roomy() bool { return unread(s.fd) < int(s.capacity)/2 && !full(s.fd) }

// tee copies what is at the front of the stream's pipe, at most limit bytes, into the buffer of the batch. It returns
// EAGAIN for an empty pipe, and nothing at its end.
func (p *Pump) tee(s *Stream, limit int) ([]byte, error) {
	n, err := retryInterrupted(func() (int, error) {
		if err := failpoint.At("log.tee"); err != nil {
			return 0, err
		}
		n, err := unix.Tee(int(s.fd), p.scratch.w, limit, unix.SPLICE_F_NONBLOCK)
		return int(n), err
	})
	if n <= 0 || err != nil {
		return nil, err
	}
	seen := p.batch.buffer[:n]
	for got := 0; got < n; {
		k, err := unix.Read(p.scratch.r, seen[got:])
		if err == unix.EINTR {
			continue
		}
		if k <= 0 || err != nil {
			return nil, os.NewSyscallError("read", err)
		}
		got += k
	}
	return seen, nil
}

// commit moves the first take bytes of the stream's pipe into the stage. They have just been seen there, the stage has
// room for them, and nobody else reads.
func (p *Pump) commit(s *Stream, take int) error {
	for take > 0 {
		n, err := unix.Splice(int(s.fd), nil, p.batch.stage.w, nil, take, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return os.NewSyscallError("splice", err)
		}
		take -= int(n)
	}
	return nil
}

// skip takes n bytes out of a pipe and forgets them.
func skip(fd, n int, buffer []byte) {
	for n > 0 {
		k, err := unix.Read(fd, buffer[:min(n, len(buffer))])
		if err == unix.EINTR {
			continue
		}
		if k <= 0 || err != nil {
			return
		}
		n -= k
	}
}
