package logs

import (
	"math"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
)

// dressed moves a batch that is not written as it is. What was taken lies in the stage until all of the text that was made of it is in
// the file: who goes on after a kill makes the same text again, and writes it to the same place. The goroutine may end here; see guard.
func (p *Pump) dressed(s *Stream, seen []byte, all int, c cut) {
	f, b := s.file, p.batch
	form := f.options.Form
	front := form.front(originOf(s.name), p.now.In(p.location()))
	text, take, lines := form.dress(b.dress[:0], front, seen[:c.take], c.open, mostDressed)
	if fits := p.rotate(s, text); fits < len(text) {
		text = text[:fits]
		lines = lineCount(text)
		take = endOf(seen, lines)
	}
	b.begin(p, s, lines)
	b.frame(form, front, take, c.open && take == c.take)
	_ = failpoint.At("log.begun")
	if err := p.commit(s, take); err != nil {
		s.closing, s.finishing, s.left = true, true, 0 // cannot be; the pipe is of no more use
		p.enqueue(s)
		return
	}
	_ = failpoint.At("log.taken")
	offer(f.ways, s.name, p.now, seen[:take])
	b.data, b.dress, b.raw, b.lines, b.open = text, text, take, lines, false
	p.consumed(s, len(seen), take)
	p.put(s)
	if take < c.take && s.state == asleep {
		p.enqueue(s)
	} else {
		p.next(s, all)
	}
}

// Where what of a batch stands in a record, behind the path; the last two of a dressed one only.
const (
	recordFrame  = 640 // bits: 1 framed, 2 JSON, 4 cut, 8 placed; without the first it is written as it is
	recordAt     = 648 // where in the file it begins; see place
	recordDevice = 656
	recordInode  = 664
	recordRaw    = 672 // bytes that the text is made of
	recordFront  = 680
	longestPath  = recordFrame - recordPath
	longestFront = stageSize - recordFront
)

const (
	framed = 1 << iota
	framedJSON
	framedCut
	framedPlaced
)

// frame notes how the text of a batch is made. A front that is too long is not noted: what is on its way is written as it is, then.
func (b *batch) frame(form Form, front []byte, raw int, cut bool) {
	if b.record == nil || b.record.phase() != phaseTaking || len(front) >= longestFront {
		return
	}
	flags := byte(framed)
	if form.JSON {
		flags |= framedJSON
	}
	if cut {
		flags |= framedCut
	}
	copy(b.record[recordFront:], front)
	b.record[recordFront+len(front)] = 0
	b.record.put(recordRaw, int64(raw))
	b.record[recordFrame] = flags
}

// place notes where in its file a batch is about to begin, or for one that is written as it is, the line that it goes on with.
func (b *batch) place(f *File) {
	if b.record == nil || b.done > 0 || b.record.phase() == phaseIdle {
		return
	}
	at := f.pos
	if b.raw == 0 && f.holder != nil {
		at = f.lineStart // negative if it is not ours to remove
	}
	b.record[recordFrame] &^= framedPlaced
	b.record.put(recordAt, at)
	b.record.put(recordDevice, int64(f.id.device))
	b.record.put(recordInode, int64(f.id.inode))
	b.record[recordFrame] |= framedPlaced
	if b.raw > 0 {
		b.moved(b.lines)
	}
}

// placeIn is where in an open file a batch was to begin, negative if that is another one, or not known.
func (r record) placeIn(fd int) int64 {
	id, _, _, err := identify(fd)
	if err != nil || r[recordFrame]&framedPlaced == 0 || id != (identity{uint64(r.number(recordDevice)), uint64(r.number(recordInode))}) {
		return -1
	}
	return r.number(recordAt)
}

// redress makes the text of a batch again, and says where it belongs: behind the end of the file if nothing of it was written yet, or
// the file is another one now.
func (r record) redress(raw []byte, fd int, end int64) (text []byte, at int64, lines int) {
	flags := r[recordFrame]
	form := Form{JSON: flags&framedJSON != 0}
	front := []byte(nameIn(r[recordFront:]))
	cut := flags&framedCut != 0 || flags&framedPlaced == 0 && lineEnd(raw) < len(raw) && int64(len(raw)) < r.number(recordRaw) // we were killed while it was taken
	text, _, lines = form.dress(nil, front, raw, cut, math.MaxInt)
	if at = r.placeIn(fd); at < 0 || at > end {
		at = end
	}
	return text, at, lines
}
