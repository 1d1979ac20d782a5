package logs

import (
	"golang.org/x/sys/unix"
)

// lose counts lines that no file takes, and announces the first of them.
func (p *Pump) lose(f *File, c *Counter, lines int) {
	if lines == 0 {
		return
	}
	c.Dropped.Add(int64(lines))
	f.lost += int64(lines)
	if err := f.Err(); err != nil && f.lost == int64(lines) {
		f.announce(f.lost, err)
	}
}

func (f *File) announce(lines int64, err error) {
	if f.options.Dropped != nil {
		f.options.Dropped(lines, err)
	}
}

// refused notes why a file does not take lines and has it tried again.
func (p *Pump) refused(f *File, err error) {
	if f.Err() == nil && f.lost > 0 {
		f.announce(f.lost, err)
	}
	f.err.Store(&refusal{err})
	if f.retrying {
		return
	}
	f.retrying = true
	p.alarm(afterSecond, func() {
		f.retrying = false
		p.retry(f)
	})
}

// retry tries a file again that refused.
func (p *Pump) retry(f *File) {
	if f.Err() == nil || f.stuck || f.forgotten {
		return
	}
	f.trial = true
	if f.fd < 0 {
		if err := p.openAgain(f); err != nil {
			f.trial = false
			p.refused(f, err)
			return
		}
		p.works(f)
	}
	if f.parked != nil {
		p.flush(f, f.parked)
	}
	if f.trial || f.Err() == nil {
		p.release(f)
	}
	p.forget(f)
}

// works notes that the file takes lines.
func (p *Pump) works(f *File) {
	f.trial, f.stalled = false, false
	if f.Err() == nil {
		return
	}
	f.err.Store(nil)
	if lost := f.lost; lost > 0 {
		f.lost = 0
		f.announce(lost, nil)
	}
}

// stall tries a full pipe or terminal again soon, and has its lines dropped when it stays full for a second.
func (p *Pump) stall(f *File) {
	p.alarm(afterStall, func() {
		if f.parked != nil && !f.stuck {
			p.flush(f, f.parked)
			if f.parked == nil {
				p.release(f)
			}
		}
	})
	if f.stalled {
		return
	}
	f.stalled = true
	p.alarm(afterSecond, func() {
		if f.stalled && f.parked != nil && f.options.OnFull == Drop {
			f.err.Store(&refusal{errStalled})
			p.release(f)
		}
	})
}

// hurry limits the time of an unfinished line that keeps others from its file.
func (p *Pump) hurry(f *File) {
	h, start := f.holder, f.lineStart
	if h == nil || f.hurrying {
		return
	}
	f.hurrying = true
	p.alarm(afterSecond, func() {
		f.hurrying = false
		switch {
		case f.holder == nil || len(f.waiting) == 0 && !f.reopen:
		case f.holder != h || f.lineStart != start:
			p.hurry(f) // another line
		case f.stuck || f.parked != nil || p.batch == nil && p.newBatch() != nil:
			p.hurry(f)
		default:
			b := p.batch
			b.data, b.lines, b.open = b.buffer[:0], 1, false
			p.add(b, CutMarker)
			p.put(h)
		}
	})
}

// tryReopen opens a file anew by its path if it is at a line boundary now.
func (p *Pump) tryReopen(f *File) {
	switch {
	case !f.reopen || f.forgotten || f.stuck || f.parked != nil && f.parked.done > 0:
	case f.holder != nil:
		p.hurry(f)
	case p.openAgain(f) != nil && f.fd >= 0:
		p.alarm(afterSecond, func() { p.tryReopen(f) }) // the old one still works
	}
}

// openAgain opens a file by its path, and puts it in the place of the one that is open.
func (p *Pump) openAgain(f *File) error {
	path := f.options.Path
	var found finding
	if _, err := p.guard(f, opening, func() (_ int, err error) {
		found, err = find(path)
		return found.fd, err
	}); err != nil {
		return err
	}
	old, was := f.fd, f.id
	f.opened(found)
	f.reopen = false
	p.mu.Lock()
	if p.byID[was] == f {
		delete(p.byID, was)
	}
	if p.byID[f.id] == nil {
		p.byID[f.id] = f
	}
	p.mu.Unlock()
	if old >= 0 {
		_, _ = p.guard(f, looking, func() (int, error) { return 0, unix.Close(old) })
	}
	return nil
}

// finding is a log file as it was found when it was opened.
type finding struct {
	fd   int
	id   identity
	size int64 // negative for anything but a regular file
	torn bool  // its last line has no end
}

func find(path string) (finding, error) {
	fd, err := openLog(path)
	if err != nil {
		return finding{}, err
	}
	id, size, _, err := identify(fd)
	if err != nil {
		_ = unix.Close(fd)
		return finding{}, err
	}
	found := finding{fd: fd, id: id, size: size}
	if size > 0 {
		var end [1]byte
		n, err := unix.Pread(fd, end[:], size-1)
		found.torn = err == nil && n == 1 && end[0] != '\n'
	}
	return found, nil
}

// opened takes a file that was just opened. A last line that has no end, left by whoever wrote there before, gets one
// before the next batch.
func (f *File) opened(found finding) {
	f.fd, f.id, f.regular, f.unspliced = found.fd, found.id, found.size >= 0, false
	f.pos, f.torn, f.lineStart = max(found.size, 0), found.torn, -1
}

// forget closes a file that nobody uses and that has nothing left to write.
func (p *Pump) forget(f *File) {
	p.mu.Lock()
	if f.refs > 0 || f.forgotten || f.stuck || f.parked != nil {
		p.mu.Unlock()
		return
	}
	for _, name := range f.names {
		delete(p.files, name)
	}
	if p.byID[f.id] == f {
		delete(p.byID, f.id)
	}
	f.forgotten = true
	p.mu.Unlock()
	if fd := f.fd; fd >= 0 {
		f.fd = -1
		_, _ = p.guard(f, looking, func() (int, error) { return 0, unix.Close(fd) })
	}
}

// end has every stream finish, and then the goroutine.
func (p *Pump) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
	for _, s := range p.streams {
		if s != nil {
			p.postLocked(func() {
				s.closing = true
				p.finish(s, func() {})
			})
		}
	}
}

// over gives everything back.
func (p *Pump) over() {
	p.baton.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	closed := map[*File]bool{}
	for _, f := range p.files {
		if closed[f] || f.stuck { // what hangs cannot be closed
			continue
		}
		closed[f] = true
		if b := f.parked; b != nil {
			lines, _ := wholeLines(b.data, b.done)
			b.stream.counter.Logged.Add(int64(lines))
			b.stream.counter.Dropped.Add(int64(b.lines - lines))
			b.stage.close()
		}
		if f.fd >= 0 {
			_ = unix.Close(f.fd)
		}
	}
	if p.batch != nil {
		p.batch.stage.close()
	}
	p.scratch.close()
	_ = unix.Close(p.wake)
	p.epoll.Close()
	close(p.ended)
}
