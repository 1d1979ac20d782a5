package forward

import (
	"context"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// sendBuffer, in bytes, is what is asked for of the kernel: all that is in it is kept here as well.
const sendBuffer = 128 << 10

// mostStream, in bytes, is what a message on a stream can be. rsyslog takes a frame of more than 200,000 bytes for one that is not
// counted, and from then on everything on the connection for a single message; syslog-ng closes the connection at more than this.
const mostStream = 64 << 10

// stream sends messages one behind the other, each in its frame.
type stream struct {
	network, address string
	message          dress
	pace             tempo

	conn    net.Conn
	release func() bool
	skip    int    // bytes of the next message that were written, on this connection
	acks    bool   // whether the connection says what was acknowledged
	flight  flight // messages that were written and not acknowledged
}

func (s *stream) dress() dress { return s.message }

func (s *stream) open(ctx context.Context) (err error) {
	dialer := net.Dialer{Timeout: s.pace.patience}
	if s.conn, err = dialer.DialContext(ctx, s.network, s.address); err != nil {
		return err
	}
	s.release, s.skip = leash(ctx, s.conn), 0
	if c, ok := s.conn.(*net.TCPConn); ok {
		_ = c.SetWriteBuffer(sendBuffer)
		expect(c, 4*s.pace.patience)
		s.acks = acknowledges
	}
	if len(s.flight.data) == 0 {
		return nil
	}
	n, err := push(s.conn, s.flight.data, s.pace.patience)
	if err != nil {
		s.trim(len(s.flight.data) - n)
		s.abandon()
	}
	return err
}

func (s *stream) write(batch []byte, ends []int) (done int, err error) {
	if err := s.look(); err != nil {
		return 0, err
	}
	s.trim(-s.skip)
	n, err := push(s.conn, batch[s.skip:], s.pace.patience)
	n += s.skip
	if done = within(ends, n); done > 0 {
		if s.acks {
			s.flight.add(batch, ends[:done])
		}
		n -= ends[done-1]
	}
	s.skip = n
	return done, err
}

// look finds out whether the peer has closed. A write would succeed then, and what it wrote would be lost.
func (s *stream) look() error {
	raw, err := s.conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var answer [512]byte // collectors have nothing to say
	var n int
	var failure error
	err = raw.Read(func(fd uintptr) bool {
		n, failure = unix.Read(int(fd), answer[:])
		return true
	})
	switch {
	case err != nil:
		return err
	case failure == nil && n == 0:
		return errGone
	case failure == nil || failure == unix.EAGAIN || failure == unix.EINTR:
		return nil
	}
	return failure
}

// trim forgets what was acknowledged. behind is how many bytes of the messages in flight were not written; negative if more was.
func (s *stream) trim(behind int) {
	if len(s.flight.data) == 0 {
		return
	}
	if pending, ok := unacknowledged(s.conn); ok {
		s.flight.keep(pending + behind)
	}
}

func (s *stream) settle() (bool, error) {
	s.trim(-s.skip)
	if len(s.flight.data) == 0 {
		return false, nil
	}
	return true, s.look()
}

func (s *stream) again() int { return len(s.flight.ends) }

func (s *stream) shut(broken bool) {
	if broken {
		s.trim(-s.skip)
		s.abandon()
		return
	}
	s.release()
	s.conn.Close()
}

// abandon closes at once: what the peer's kernel does not have yet comes on the next connection, and must not come on this one too.
func (s *stream) abandon() {
	if c, ok := s.conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	s.release()
	s.conn.Close()
}

// flight is messages that may have to be sent again. The kernel's buffer bounds it.
type flight struct {
	data []byte
	ends []int // of the messages in data
}

func (f *flight) add(batch []byte, ends []int) {
	start := len(f.data)
	f.data = append(f.data, batch[:ends[len(ends)-1]]...)
	for _, end := range ends {
		f.ends = append(f.ends, start+end)
	}
}

// keep forgets the messages that are not among the last so many bytes.
func (f *flight) keep(pending int) {
	gone := within(f.ends, len(f.data)-max(0, pending))
	if gone == 0 {
		return
	}
	taken := f.ends[gone-1]
	f.data = append(f.data[:0], f.data[taken:]...)
	rest := f.ends[gone:]
	for i := range rest {
		rest[i] -= taken
	}
	f.ends = append(f.ends[:0], rest...)
}
