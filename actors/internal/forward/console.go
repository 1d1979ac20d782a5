package forward

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// console is the daemon's stdout or stderr, which others may write to as well.
type console struct {
	file *os.File
	pace tempo

	out  output
	free func() bool
	skip int // bytes of the next line that are written; they stay so, as it is the same pipe whenever it is opened
}

type output interface {
	deadliner
	Close() error
}

// atomic is what a write to a pipe may be, in bytes, to be written at once or not at all, on every system.
const atomic = 4096

func (c *console) dress() dress          { return plainLine }
func (c *console) settle() (bool, error) { return false, nil }
func (c *console) again() int            { return 0 }

// open gets a descriptor of our own, above 2: to a write on 1 or 2 that finds no reader, Go answers with a death by SIGPIPE, on
// any other with an error. The flags of the daemon's own descriptor are shared with whoever else has it and stay as they are.
func (c *console) open(ctx context.Context) error {
	out, err := reopen(c.file)
	if err != nil {
		return err
	}
	if out != nil {
		c.out, c.free = out, leash(ctx, out)
		return nil
	}
	fd, err := duplicate(c.file)
	if err != nil {
		return err
	}
	c.out, c.free = &polled{fd: fd, ctx: ctx}, func() bool { return true }
	return nil
}

func (c *console) shut(bool) {
	c.free()
	_ = c.out.Close()
}

// write writes whole lines in pieces that a pipe does not mix with those of others, as far as they fit into one.
func (c *console) write(batch []byte, ends []int) (done int, err error) {
	written := c.skip
	for done < len(ends) && err == nil {
		piece := max(1, within(ends[done:], c.start(ends, done)+atomic))
		var n int
		n, err = push(c.out, batch[written:ends[done+piece-1]], c.pace.patience)
		written += n
		done = within(ends, written)
	}
	c.skip = written - c.start(ends, done)
	return done, err
}

// start is where message i of a batch starts.
func (c *console) start(ends []int, i int) int {
	if i == 0 {
		return 0
	}
	return ends[i-1]
}

// duplicate is a descriptor above 2 for the same file.
func duplicate(file *os.File) (fd int, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Control(func(number uintptr) { fd, err = unix.FcntlInt(number, unix.F_DUPFD_CLOEXEC, 3) })
	return fd, errors.Join(failed, err)
}

// polled writes to a descriptor that may block once there is room, a piece at a time that fits. Somebody else can take the room
// between the look and the write; then it blocks until there is room again.
type polled struct {
	fd    int
	ctx   context.Context
	until time.Time
}

// slice is how long a wait for room lasts before it looks whether it is still wanted.
const slice = 50 * time.Millisecond

func (p *polled) SetWriteDeadline(until time.Time) error {
	p.until = until
	return nil
}

func (p *polled) Close() error { return unix.Close(p.fd) }

func (p *polled) Write(data []byte) (n int, err error) {
	for n < len(data) {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLOUT}}, int(slice/time.Millisecond))
		switch {
		case p.ctx.Err() != nil:
			return n, p.ctx.Err()
		case err != nil && err != unix.EINTR:
			return n, os.NewSyscallError("poll", err)
		case ready <= 0 && time.Now().After(p.until):
			return n, os.ErrDeadlineExceeded
		case ready <= 0:
			continue
		}
		m, err := unix.Write(p.fd, data[n:min(n+atomic, len(data))])
		n += max(0, m)
		if err != nil && err != unix.EINTR && err != unix.EAGAIN {
			return n, os.NewSyscallError("write", err)
		}
	}
	return n, nil
}
