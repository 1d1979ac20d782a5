package logs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lose counts lines of a stream that its file does not take, and tells of the first of them.
func (p *Pump) lose(f *File, s *Stream, lines int) {
	if lines == 0 {
		return
	}
	s.counter.Dropped.Add(int64(lines))
	if f.loss.lines == 0 {
		f.loss = loss{since: p.now, stream: s.name}
	}
	f.loss.lines += int64(lines)
	if err := f.Err(); err != nil {
		f.tellLoss(err)
		return
	}
	p.alarm(afterSecond, func() { p.settle(f) })
}

// tellLoss tells once that lines are being dropped.
func (f *File) tellLoss(err error) {
	if f.loss.why == nil {
		f.loss.why = err
	}
	if f.loss.lines > 0 && !f.loss.told {
		f.loss.told = f.pump.tell(Dropping{f.options.Path, f.loss.stream, f.loss.why})
	}
}

// settle marks what is missing in a file that works, if it ends with a whole line now.
func (p *Pump) settle(f *File) {
	if f.Err() != nil || f.loss.lines == 0 || f.holder != nil || f.parked != nil || f.stuck || f.forgotten {
		return
	}
	if err := p.prepare(f, false); err != nil {
		p.refused(f, err)
	}
}

// enough is how much room, in bytes, a disk that was full must have before it counts as free again. Otherwise the marker would
// take the last bytes, and the next line refused again.
const enough = 64 << 10

// cramped says whether the disk of a file that refused for want of room has none yet. Where that cannot be known it is tried.
func (p *Pump) cramped(f *File) bool {
	if !errors.Is(f.Err(), unix.ENOSPC) || !f.regular {
		return false
	}
	var st unix.Statfs_t
	fd := f.fd
	_, err := p.guard(f, looking, func() (int, error) { return 0, unix.Fstatfs(fd, &st) })
	room := st.Bavail
	if os.Geteuid() == 0 {
		room = st.Bfree
	}
	return err == nil && st.Blocks > 0 && room < uint64(enough/max(1, st.Bsize))
}

// mark writes how many lines are missing here. The file ends with a whole line.
func (p *Pump) mark(f *File) error {
	text := []byte(f.loss.marker(p.now, p.location()))
	fd, at, regular := f.fd, f.pos, f.regular
	n, err := p.guard(f, marking, func() (int, error) {
		if !regular {
			return unix.Write(fd, text)
		}
		n, err := unix.Pwrite(fd, text, at)
		if n < len(text) && n >= 0 && unix.Ftruncate(fd, at) == nil {
			n = 0
		}
		return n, err
	})
	if n > 0 {
		f.pos += int64(n)
		f.torn, f.lineStart = n < len(text), at
	}
	switch {
	case err != nil:
		return err
	case n < len(text):
		return unix.ENOSPC // a file that takes less has no more room
	}
	p.marked(f)
	return nil
}

// marked takes note that the file says what is missing.
func (p *Pump) marked(f *File) {
	l := f.loss
	f.loss = loss{}
	p.say(Dropped{f.options.Path, l.stream, l.lines, l.why, l.since, p.now})
}
