package logs

import (
	"os"
	"time"
)

// indexRest is how soon one stream must write after another for the index of their file to stay open.
const indexRest = 100 * time.Millisecond

// noted is what the index of a file says of what comes next.
type noted struct {
	writer  *indexWriter // nil while it is not open
	stream  string
	at      int64
	time    time.Time
	file    identity
	resting bool // its alarm is set
	used    bool // since then
}

// SetIndex has the pump keep the indexes of its files in a directory, which is made. It may be called once, before the first file.
func (p *Pump) SetIndex(directory string) error {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	p.aside.mu.Lock()
	p.aside.index = directory
	p.aside.mu.Unlock()
	p.post(func() { p.index = directory })
	p.packing.prune(p)
	return nil
}

// note has the index say whose the bytes are that are about to be written behind the end of a file. What the index does not take is
// missing there: the lines themselves matter more. The goroutine may end here; see guard.
func (p *Pump) note(f *File, s *Stream) {
	n := &f.noted
	if p.index == "" || !f.regular || f.name == "" || s.name == "" {
		return
	}
	if n.stream == s.name && n.file == f.id && f.pos >= n.at && p.now.Sub(n.time) < indexEvery {
		return
	}
	if n.writer != nil && n.file != f.id {
		f.dropIndex()
	}
	busy := n.file == f.id && p.now.Sub(n.time) < indexRest
	directory, id, path, size, at, o := p.index, f.id, f.name, f.pos, p.now, originOf(s.name)
	var follows identity
	if n.file != id {
		follows = n.file
	}
	_, err := p.guard(f, looking, func() (_ int, err error) {
		if n.writer == nil { // while a file is stuck nobody else touches it
			n.writer, err = openIndexWriter(directory, id, path, size, follows)
		}
		if err == nil {
			err = n.writer.add(o, size, at)
		}
		if err != nil { // else its last cell would give these lines to somebody: what is not known is not said
			_ = os.Remove(indexName(directory, id))
		}
		return 0, err
	})
	if n.stream, n.at, n.time, n.file, n.used = s.name, f.pos, p.now, f.id, true; err != nil {
		n.stream = "" // the next batch tries again
	}
	switch {
	case err != nil || !busy:
		f.dropIndex()
	case !n.resting:
		n.resting = true
		p.restIndex(f)
	}
}

// restIndex closes an index that nobody has used for a second.
func (p *Pump) restIndex(f *File) {
	f.noted.used = false
	p.alarm(afterSecond, func() {
		switch n := &f.noted; {
		case f.stuck || n.used:
			p.restIndex(f)
		default:
			n.resting = false
			f.dropIndex()
		}
	})
}

// dropIndex closes the index of a file.
func (f *File) dropIndex() {
	f.noted.writer.close()
	f.noted.writer = nil
}
