package logs

import (
	"time"

	"golang.org/x/sys/unix"
)

// refused notes why a file does not take lines and has it tried again.
func (p *Pump) refused(f *File, err error) {
	f.err.Store(&refusal{err})
	f.tellLoss(err)
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
	} else if f.loss.lines > 0 && f.holder == nil && f.Err() != nil { // the marker is the trial
		err := f.Err()
		if !p.cramped(f) {
			err = p.prepare(f, false)
		}
		if err != nil {
			f.trial = false
			p.refused(f, err)
			return
		}
		p.works(f)
	}
	p.settle(f)
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
	if f.loss.lines > 0 {
		p.alarm(afterSecond, func() { p.settle(f) }) // the next batch, if there is one before
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
	f.stalls++
	which := f.stalls
	p.alarm(afterSecond, func() {
		if f.stalled && f.stalls == which && f.parked != nil && f.options.OnFull == Drop {
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
		found, err = p.find(path)
		return found.fd, err
	}); err != nil {
		return err
	}
	p.exchange(f, found)
	return nil
}

// exchange puts what was found in the place of the file that is open.
func (p *Pump) exchange(f *File, found finding) {
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
}

// finding is a log file as it was found when it was opened.
type finding struct {
	fd   int
	name string // behind all links
	id   identity
	size int64 // negative for anything but a regular file
	torn bool  // its last line has no end
	born time.Time
}

func (p *Pump) find(path string) (finding, error) {
	fd, name, err := openLog(path, p.trust)
	if err != nil {
		return finding{}, err
	}
	id, size, _, err := identify(fd)
	if err != nil {
		_ = unix.Close(fd)
		return finding{}, err
	}
	found := finding{fd: fd, name: name, id: id, size: size, born: bornAt(fd)}
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
	f.name, f.born = found.name, found.born
}

// forget closes a file that nobody uses and that has nothing left to write.
func (p *Pump) forget(f *File) {
	p.mu.Lock()
	unused := f.refs == 0
	p.mu.Unlock()
	if unused && f.Err() == nil {
		p.settle(f)
	}
	p.mu.Lock()
	if f.refs > 0 || f.forgotten || f.stuck || f.parked != nil || f.loss.lines > 0 && !p.ending {
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
	p.ways.leave(f.ways)
	f.ways = nil
	f.dropIndex()
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
			p.takeBack(f, b)
		}
		if f.loss.lines > 0 && f.fd >= 0 && !f.torn {
			f.trial = true
			_ = p.mark(f)
		}
		if f.fd >= 0 {
			_ = unix.Close(f.fd)
		}
		f.dropIndex()
	}
	if p.batch != nil {
		p.closeStage(p.batch)
	}
	p.scratch.close()
	_ = unix.Close(p.wake)
	p.epoll.Close()
	p.ledger.leave()
	close(p.ended)
}
