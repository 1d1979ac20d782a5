package logs

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
)

// errHung is why lines of a file are dropped whose file system does not answer.
var errHung = errors.New("the file system does not answer")

// errStalled is why lines are dropped whose file is a pipe or terminal that nobody reads fast enough.
var errStalled = errors.New("nobody reads it")

func (f *File) dropping() bool {
	return f.options.OnFull == Drop && f.Err() != nil && !f.trial
}

// keepsOut says whether the stream must wait for its file.
func (f *File) keepsOut(s *Stream) bool {
	return f.stuck || f.parked != nil || f.holder != nil && f.holder != s || f.options.OnFull == Block && f.Err() != nil && !f.trial
}

// inside says whether the file ends inside a line of the stream, or will when it has taken what is parked.
func (f *File) inside(s *Stream) bool {
	if b := f.parked; b != nil && b.stream == s {
		return b.open && !b.torn
	}
	return f.holder == s
}

// cutOff leaves that line unfinished: its rest is dropped. A batch that is parked decides itself how the file ends.
func (f *File) cutOff(s *Stream) {
	switch {
	case !f.inside(s):
	case f.parked != nil:
		f.parked.torn = true
	default:
		f.holder, f.torn = nil, true
	}
}

// await lets a stream wait for its file.
func (p *Pump) await(s *Stream) {
	p.watch(s, off)
	s.state = waiting
	if f := s.file; f != nil {
		f.waiting = append(f.waiting, s)
		p.hurry(f)
	}
}

// release lets those who wait for the file try again.
func (p *Pump) release(f *File) {
	for _, s := range f.waiting {
		if s.state == waiting {
			p.enqueue(s)
		}
	}
	f.waiting = nil
	if f.reopen {
		p.tryReopen(f)
	}
}

// add puts text of our own behind the batch.
func (p *Pump) add(b *batch, text string) {
	if n, err := unix.Write(b.stage.w, []byte(text)); err == nil && n == len(text) {
		b.data = append(b.data, text...)
	}
}

// put sends the pump's batch to the file of its stream.
func (p *Pump) put(s *Stream) {
	p.batch.stream = s
	p.active = s
	p.flush(s.file, p.batch)
	p.active = nil
}

// flush writes what is left of a batch. Afterwards the batch is empty, or parked at its file.
func (p *Pump) flush(f *File, b *batch) {
	err := p.prepare(f, b.done > 0)
	if err == nil && b.stream != nil {
		p.note(f, b.stream)
	}
	if err == nil {
		b.place(f)
		_ = failpoint.At("log.placed")
	}
	for err == nil && b.done < len(b.data) {
		var n int
		n, err = p.move(f, b)
		switch {
		case n > 0:
			b.done += n
			f.pos += int64(n)
			err = nil
		case err == unix.EINTR:
			err = nil
		case err == unix.EINVAL && !f.unspliced:
			f.unspliced, err = true, nil
		case err == nil:
			err = io.ErrShortWrite
		}
	}
	if err != nil {
		p.refuse(f, b, err)
		return
	}
	_ = failpoint.At("log.moved")
	s := b.stream
	b.written(s.counter, b.lines)
	switch {
	case !b.open:
		f.holder = nil
	case f.holder == nil:
		f.holder, f.lineStart = s, f.pos-int64(len(b.data))
	}
	if b.torn {
		f.holder, f.torn = nil, true
	}
	p.empty(f, b)
	p.works(f)
	if f.holder == nil && (len(f.waiting) > 0 || f.reopen) {
		p.release(f)
	}
}

// move sends some of the batch to the file.
func (p *Pump) move(f *File, b *batch) (int, error) {
	if err := failpoint.At("log.move"); err != nil {
		return 0, err
	}
	fd, stage, rest, offset := f.fd, b.stage.r, b.data[b.done:], f.pos
	switch {
	case b.raw > 0 && f.regular:
		return p.guard(f, moving, func() (int, error) { return unix.Pwrite(fd, rest, offset) })
	case b.raw > 0:
		return p.guard(f, moving, func() (int, error) { return unix.Write(fd, rest) })
	case f.unspliced && f.regular:
		return p.guard(f, moving, func() (int, error) { return unstage(stage)(unix.Pwrite(fd, rest, offset)) })
	case f.unspliced:
		return p.guard(f, moving, func() (int, error) { return unstage(stage)(unix.Write(fd, rest)) })
	case f.regular:
		return p.guard(f, moving, func() (int, error) {
			n, err := unix.Splice(stage, nil, fd, &offset, len(rest), unix.SPLICE_F_MOVE)
			return int(n), err
		})
	default:
		return p.guard(f, moving, func() (int, error) {
			n, err := unix.Splice(stage, nil, fd, nil, len(rest), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
			return int(n), err
		})
	}
}

// unstage takes out of the stage what was written past it.
func unstage(stage int) func(int, error) (int, error) {
	return func(n int, err error) (int, error) {
		var page [pageSize]byte
		skip(stage, n, page[:])
		return n, err
	}
}

// prepare looks at the file before a batch: opens it if it is not open or was deleted, finds its end if somebody else cut
// it or wrote to it, and ends or removes a torn line. Without it, splice would write a hole of zeros after copytruncate.
func (p *Pump) prepare(f *File, midway bool) error {
	if f.fd < 0 {
		return p.openAgain(f)
	}
	if f.regular {
		var size int64
		var links uint64
		fd := f.fd
		if _, err := p.guard(f, looking, func() (_ int, err error) {
			_, size, links, err = identify(fd)
			return 0, err
		}); err != nil {
			return err
		}
		if links == 0 {
			if err := p.openAgain(f); err != nil {
				return err
			}
			size = f.pos
		}
		if size != f.pos {
			f.pos, f.lineStart = size, min(f.lineStart, size)
			if midway || f.holder != nil {
				f.lineStart = size
			}
		} else if f.torn && f.lineStart >= 0 && f.truncate(p, f.lineStart) == nil {
			f.torn = false
		}
	}
	if !f.torn {
		return p.account(f, midway)
	}
	fd, at, regular := f.fd, f.pos, f.regular
	n, err := p.guard(f, looking, func() (int, error) {
		if regular {
			return unix.Pwrite(fd, newline, at)
		}
		return unix.Write(fd, newline)
	})
	if err == nil {
		f.torn = false
		f.pos += int64(n)
		return p.account(f, midway)
	}
	return err
}

// account marks what is missing, if the file ends with a whole line.
func (p *Pump) account(f *File, midway bool) error {
	if f.loss.lines == 0 || midway || f.holder != nil {
		return nil
	}
	return p.mark(f)
}

func (f *File) truncate(p *Pump, size int64) error {
	fd := f.fd
	_, err := p.guard(f, looking, func() (int, error) { return 0, unix.Ftruncate(fd, size) })
	if err == nil {
		f.pos = size
	}
	return err
}

// refuse deals with a file that did not take all of a batch.
func (p *Pump) refuse(f *File, b *batch, err error) {
	f.trial = false
	switch {
	case err == unix.EAGAIN: // a pipe or terminal
		p.park(f, b)
		p.stall(f)
		return
	case f.options.OnFull == Block:
		p.park(f, b)
	default:
		p.takeBack(f, b)
	}
	p.refused(f, err)
	if f.options.OnFull == Drop {
		p.release(f)
	}
}

// takeBack ends the file after its last whole line and drops the rest of the batch.
func (p *Pump) takeBack(f *File, b *batch) {
	s := b.stream
	lines, end := wholeLines(b.data, b.done)
	start := f.pos - int64(b.done-end)
	head := end == 0 && f.holder == s
	if head {
		start = f.lineStart
	}
	if end > 0 || head { // the line that the file held open is complete, or goes
		f.holder = nil
	}
	if b.done > end || head {
		if !f.regular || f.truncate(p, start) != nil {
			f.torn, f.lineStart = true, start
		}
	}
	b.written(s.counter, lines)
	s.skip = s.skip || b.open && !b.torn // more may have been dropped behind it
	dropped := b.lines - lines
	if b.raw == 0 {
		var page [pageSize]byte
		skip(b.stage.r, len(b.data)-b.done, page[:])
	}
	p.empty(f, b)
	p.lose(f, s, dropped)
}

// empty makes a batch ready for use again, or gives up one that was parked.
func (p *Pump) empty(f *File, b *batch) {
	b.given()
	if b.raw > 0 {
		var page [pageSize]byte
		skip(b.stage.r, b.raw, page[:])
	}
	b.data, b.done, b.stream, b.raw, b.torn = nil, 0, nil, 0, false
	if cap(b.dress) > 2*mostDressed {
		b.dress = nil
	}
	if f.parked == b {
		f.parked = nil
		f.pump.closeStage(b)
	}
}

// park leaves a batch with its file, so that no other waits for it.
func (p *Pump) park(f *File, b *batch) {
	if f.parked == b {
		return
	}
	f.parked = b
	p.batch = nil
	_ = p.newBatch() // step tries again
}
