//go:build !linux

package logs

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"
)

// take adds bytes to the stream. The caller holds s.mu.
func (s *Stream) take(data []byte) {
	if s.file == nil {
		return
	}
	s.partial = append(s.partial, data...)
	s.pass(false)
}

// complete ends the unfinished line. The caller holds s.mu.
func (s *Stream) complete() {
	if s.file != nil {
		s.pass(true)
	}
}

func (s *Stream) pass(last bool) {
	f := s.file
	f.pump.mu.Lock()
	options, shared, to := f.options, f.streams > 1, f.ways
	f.pump.mu.Unlock()
	if options.MaxLine <= 0 {
		options.MaxLine = DefaultMaxLine
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.skip {
		i := bytes.IndexByte(s.partial, '\n')
		if i < 0 {
			i = len(s.partial) - 1
		}
		ends := last || i >= 0 && s.partial[i] == '\n'
		s.partial = append(s.partial[:0], s.partial[i+1:]...)
		if !ends {
			return
		}
		s.skip = false
		f.drop(s, 1, f.err, options)
	}
	c := decide(s.partial, last, f.inside == s, int(min(options.MaxLine, DefaultMaxLine)))
	if c.take == 0 && !c.close {
		return
	}
	out := bytes.Clone(s.partial[:c.take])
	s.partial = append(s.partial[:0], s.partial[c.take:]...)
	offer(to, s.name, time.Now(), out)
	if form := options.Form; form != (Form{}) {
		front := form.front(originOf(s.name), time.Now().In(f.pump.location()))
		raw, text := out, []byte(nil)
		for c.lines = 0; len(raw) > 0; {
			part, n, lines := form.dress(nil, front, raw, c.open, mostDressed)
			text, raw, c.lines = append(text, part...), raw[n:], c.lines+lines
		}
		out, c.open, c.close = text, false, false
	}
	switch {
	case c.close:
		out = append(out, '\n')
	case c.open && shared:
		out, c.open, c.lines = append(out, CutMarker...), false, 1
	}
	if f.inside != nil && f.inside != s {
		out = append([]byte(CutMarker), out...)
		f.inside.counter.Logged.Add(1)
		f.inside = nil
	}
	s.put(out, c, options)
}

// put writes one batch, or drops it. The caller holds f.mu.
func (s *Stream) put(out []byte, c cut, options FileOptions) {
	f := s.file
	for {
		text := out
		if f.loss.lines > 0 && f.inside == nil {
			text = append([]byte(f.loss.marker(time.Now(), f.pump.location())), out...)
		}
		if err := f.write(text, options); err == nil {
			if len(text) > len(out) {
				l := f.loss
				f.loss = loss{}
				f.pump.say(Dropped{options.Path, l.stream, l.lines, l.why, l.since, time.Now()})
			}
			s.counter.Logged.Add(int64(c.lines))
			f.inside = nil
			if c.open {
				f.inside = s
			}
			f.err = nil
			return
		} else if options.OnFull == Drop {
			s.skip = c.open
			f.drop(s, int64(c.lines), err, options)
			return
		} else {
			f.err = err
		}
		f.mu.Unlock()
		again := time.NewTimer(retryEvery)
		<-again.C
		f.mu.Lock()
	}
}

func (f *File) drop(s *Stream, lines int64, err error, options FileOptions) {
	f.inside = nil
	s.counter.Dropped.Add(lines)
	f.err = err
	if lines == 0 {
		return
	}
	if f.loss.lines == 0 {
		f.loss = loss{since: time.Now(), why: err}
	}
	f.loss.lines += lines
	if !f.loss.told {
		f.loss.told = f.pump.tell(Dropping{options.Path, f.loss.stream, err})
	}
}

// write puts all of out at the end of the file, or none of it.
func (f *File) write(out []byte, options FileOptions) error {
	if f.err != nil && time.Since(f.tried) < retryEvery {
		return f.err
	}
	if err := f.look(options.Path); err != nil {
		f.tried = time.Now()
		return err
	}
	var at int64
	if f.regular {
		f.rotate(options, len(out))
		_, size, _, err := identify(f.fd)
		if err != nil {
			return err
		}
		at = size
	}
	for done := 0; done < len(out); {
		var n int
		var err error
		if f.regular {
			n, err = unix.Pwrite(f.fd, out[done:], at+int64(done))
		} else {
			n, err = unix.Write(f.fd, out[done:])
		}
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			if f.regular {
				_ = unix.Ftruncate(f.fd, at)
			}
			f.tried = time.Now()
			return err
		}
		done += n
	}
	return nil
}

// look opens the file if it is not open, was deleted, or is to be opened anew.
func (f *File) look(path string) error {
	if f.fd >= 0 && f.regular {
		if _, _, links, err := identify(f.fd); err == nil && links == 0 {
			_ = unix.Close(f.fd)
			f.fd = -1
		}
	}
	if f.fd >= 0 && (!f.reopen || f.inside != nil) {
		return nil
	}
	fd, name, err := openLog(path, f.pump.trust)
	if err != nil {
		if f.fd >= 0 {
			return nil // the old one still works
		}
		return err
	}
	if f.fd >= 0 {
		_ = unix.Close(f.fd)
	}
	f.reopen = false
	f.opened(fd, name, nil)
	return nil
}

func (f *File) opened(fd int, name string, err error) {
	f.fd, f.name = fd, name
	if err != nil {
		f.fd, f.err, f.tried = -1, err, time.Now()
		return
	}
	id, size, _, err := identify(fd)
	if err != nil {
		f.err = err
	}
	f.id, f.regular, f.born = id, size >= 0, bornAt(fd)
}
