package logs

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// finishStages brings to an end what an earlier pump had on its way. What a file does not take now is lost: it is counted, and told as
// soon as somebody listens, and the file is marked when it is open and works.
func (p *Pump) finishStages() {
	for i := range stageRecords {
		r := p.ledger.record(i)
		path := p.stageName(i)
		if r.phase() != phaseIdle {
			p.finishStage(r, path)
			r.set(phaseIdle)
		}
		if os.Remove(path) == nil { // whoever holds it must not take it for one that is made anew
			p.shelter.Let(path)
		}
	}
}

func (p *Pump) finishStage(r record, path string) {
	counter, b := p.ledger.counterAt(r.counter()), &batch{record: r}
	if r.phase() == phaseCounting {
		counter.Logged.Store(r.base() + r.lines())
		return
	}
	stage, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	left := 0
	if err == nil {
		defer func() { _ = unix.Close(stage) }()
		left = unread(int32(stage))
	}
	switch {
	case left == 0 && r.phase() == phaseWriting:
		b.written(counter, int(r.lines()))
		return
	case left == 0:
		return
	}
	text := make([]byte, left)
	text = text[:peekPipe(stage, text)]
	if r.phase() == phaseTaking {
		r.put(recordLines, int64(lineCount(text)))
	}
	lines := int(r.lines())
	dressed := r[recordFrame]&framed != 0
	lost := lines
	fd, _, err := openLog(r.path(), p.trust)
	switch {
	case err == nil && dressed && len(text) == left:
		defer func() { _ = unix.Close(fd) }()
		lines, lost, err = r.finishDressed(text, fd)
	case err == nil:
		defer func() { _ = unix.Close(fd) }()
		b.moved(lines) // for whoever comes if we are killed too
		lost, err = r.finishPlain(stage, text, left, fd)
	case !dressed:
		lost = min(lines, lineCount(text)) // the others are in the file
	}
	b.written(counter, lines-lost)
	counter.Dropped.Add(int64(lost))
	p.owe(r, int64(lost), err)
}

// finishPlain writes what is left of a batch, and says how many lines are lost.
func (r record) finishPlain(stage int, text []byte, left, fd int) (lost int, err error) {
	end, err := unix.Seek(fd, 0, unix.SEEK_END)
	done := 0
	for at := end; err == nil && done < left; {
		var n int64
		n, err = unix.Splice(stage, nil, fd, &at, left-done, unix.SPLICE_F_MOVE)
		switch {
		case err == unix.EINTR:
			err = nil
		case err == nil && n == 0:
			err = unix.EIO
		case err == nil:
			done += int(n)
		}
	}
	if err != nil && done == 0 && len(text) == left { // a file that takes no splice
		done, err = writeAt(fd, text, end)
	}
	if done == left {
		return 0, nil
	}
	rest := text[min(done, len(text)):]
	if len(text) < left { // it could not be seen whole before
		rest = make([]byte, left-done)
		n, _ := unix.Read(stage, rest)
		rest = rest[:max(0, n)]
	}
	begun := end
	if at := r.placeIn(fd); at >= 0 {
		begun = min(begun, at)
	}
	cutTorn(fd, begun, end+int64(done))
	return min(int(r.lines()), lineCount(rest)), err
}

// finishDressed writes the text of a batch, and says how many lines that is and how many of them are lost.
func (r record) finishDressed(raw []byte, fd int) (lines, lost int, err error) {
	end, err := unix.Seek(fd, 0, unix.SEEK_END)
	if err != nil {
		return int(r.lines()), int(r.lines()), err
	}
	text, at, lines := r.redress(raw, fd, end)
	done, err := writeAt(fd, text, at)
	if err == nil {
		return lines, 0, nil
	}
	logged, whole := wholeLines(text, done)
	if end <= at+int64(len(text)) { // nobody else has written behind it
		_ = unix.Ftruncate(fd, at+int64(whole))
	}
	return lines, lines - logged, err
}

// writeAt writes a text to its place, as far as the file takes it.
func writeAt(fd int, text []byte, at int64) (done int, err error) {
	for done < len(text) {
		n, err := unix.Pwrite(fd, text[done:], at+int64(done))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return done, err
		case n <= 0:
			return done, unix.EIO
		default:
			done += n
		}
	}
	return done, nil
}

// cutTorn takes away an unfinished line at the end of a file, of what was written from begun on.
func cutTorn(fd int, begun, end int64) {
	if _, size, _, err := identify(fd); err != nil || size != end {
		return
	}
	var chunk [32 << 10]byte
	keep := end
	for keep > begun {
		from := max(begun, keep-int64(len(chunk)))
		text := chunk[:keep-from]
		if n, err := unix.Pread(fd, text, from); err != nil || n < len(text) {
			return
		}
		if whole := lineEnd(text); whole > 0 {
			keep = from + int64(whole)
			break
		}
		keep = from
	}
	if keep < end {
		_ = unix.Ftruncate(fd, keep)
	}
}

// owe notes lines that were lost before their file was open.
func (p *Pump) owe(r record, lines int64, why error) {
	if lines == 0 {
		return
	}
	path := r.path()
	l := p.owed[path]
	if l.lines == 0 {
		l = loss{since: time.Now(), why: why, stream: p.ledger.nameAt(r.counter()), told: true}
		p.say(Dropping{path, l.stream, why})
	}
	l.lines += lines
	p.owed[path] = l
}

// inherit has a file that was just opened by a path marked by what was lost of it before. The caller holds p.mu.
func (p *Pump) inherit(f *File, path string) {
	owed, found := p.owed[path]
	if !found {
		return
	}
	delete(p.owed, path)
	p.postLocked(func() {
		if f.loss.lines == 0 {
			f.loss = owed
		} else {
			f.loss.lines += owed.lines
		}
		p.alarm(afterSecond, func() { p.settle(f) }) // the next batch, if there is one before
	})
}

// peekPipe copies what is at the front of a pipe and leaves it there.
func peekPipe(fd int, to []byte) int {
	scratch, err := newPipe()
	if err != nil {
		return 0
	}
	defer scratch.close()
	resize(scratch.w, len(to)+pageSize)
	n, err := unix.Tee(fd, scratch.w, len(to), unix.SPLICE_F_NONBLOCK)
	if err != nil || n <= 0 {
		return 0
	}
	got := 0
	for got < int(n) {
		k, err := unix.Read(scratch.r, to[got:n])
		if k <= 0 || err != nil {
			break
		}
		got += k
	}
	return got
}
