package logs

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// chain is a log: its file, and what was put aside of it.
type chain struct {
	path    string
	indexes string // the directory of the indexes, "" for none
	name    string // path behind the links at its end, where what is put aside stands: as it was when the head was looked for
}

// resolve follows the symbolic links at the end of the path, as whoever writes the log does. One that leads nowhere yet counts too.
func (c *chain) resolve() {
	c.name = c.path
	for range mostLinks {
		target, err := os.Readlink(c.name)
		if err != nil {
			return
		}
		c.name = behind(c.name, target)
	}
}

// open opens one of its files, with what is known of its lines. A file that has just lost its name counts as gone: its index went with it.
func (c *chain) open(name string) (*link, error) {
	l, err := openLink(name)
	if err != nil {
		return nil, err
	}
	l.log = c.name
	l.index = openIndex(c.indexes, l.id, l.log)
	if l.index == nil && c.indexes != "" && l.nameless() {
		l.close()
		return nil, fs.ErrNotExist
	}
	return l, nil
}

// link is one file of a log: the file itself, or one that was put aside.
type link struct {
	file     *os.File
	name     string      // under which it was opened
	log      string      // of which it is a file
	packed   Compression // "" for a plain one, which can be read from anywhere
	unpacked io.Reader   // of a compressed one that is being read
	release  func()
	index    *index // nil: nothing is known of its lines
	id       identity
	size     int64
	changed  time.Time
}

// openLink opens a file of a log for reading. A FIFO or a device in its place is refused: it would not end.
func openLink(name string) (*link, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	id, size, _, err := identify(int(file.Fd()))
	if err == nil && size < 0 {
		err = fmt.Errorf("%s is no regular file", name)
	}
	if err == nil {
		info, err = file.Stat()
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &link{file: file, name: name, packed: packingOf(name), id: id, size: size, changed: info.ModTime()}, nil
}

func packingOf(name string) Compression {
	for _, how := range []Compression{Gzip, Zstd} {
		if strings.HasSuffix(name, how.suffix()) {
			return how
		}
	}
	return ""
}

// rewind has a compressed one be read from its beginning. An error names it: whoever reads goes on with the others.
func (l *link) rewind() (err error) {
	if l.release != nil {
		l.release()
	}
	l.unpacked, l.release = nil, nil
	if _, err = l.file.Seek(0, io.SeekStart); err != nil {
		return l.named(err)
	}
	switch {
	case l.size == 0: // which a decoder may take for the end
		err = io.ErrUnexpectedEOF
	case l.packed == Gzip:
		l.unpacked, err = gzip.NewReader(l.file)
	default:
		var reader *zstd.Decoder
		if reader, err = zstd.NewReader(l.file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(64<<20)); err == nil {
			l.unpacked, l.release = reader, reader.Close
		}
	}
	return l.named(err)
}

// named is an error with the name of the file.
func (l *link) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", l.name, err)
}

// known is by what a file is known again: a compressed one has the time of the one whose place it took.
type known struct {
	id      identity
	changed time.Time
	packed  bool
	gone    bool // it has no name any more
}

func (l *link) known() known { return known{id: l.id, changed: l.changed, packed: l.packed != ""} }

// knownNow is known of a file that may have grown since it was opened.
func (l *link) knownNow() known {
	k := l.known()
	if info := stat(l); info != nil {
		k.changed = info.ModTime()
	}
	k.gone = l.nameless()
	return k
}

// since says whether a file that was put aside as this number came after another one, as everything has got another number since head
// was opened.
func (c *chain) since(l *link, number int, other known, head *link) bool {
	if head == nil {
		return false
	}
	if now, err := nameOf(c.name); err != nil || now == head.id {
		return false
	}
	if !l.changed.Equal(other.changed) {
		return l.changed.After(other.changed)
	}
	for range shifts { // the clock of a file system may stand still for some milliseconds: their order tells
		before, _ := nameOf(c.name)
		later := c.behind(number, l.id, other.id)
		if after, _ := nameOf(c.name); after == before {
			return later
		}
	}
	return false
}

// behind says whether a walk from this number on sees a file last, and not the other. Both are put further meanwhile, and the
// later one never beyond the other.
func (c *chain) behind(number int, other, file identity) (last bool) {
	for free := 0; free < 2; number++ {
		names := variants(c.name, number)
		if free++; len(names) > 0 {
			free = 0
		}
		for _, suffix := range names {
			switch id, _ := nameOf(asideName(c.name, number) + suffix); id {
			case other:
				last = false
			case file:
				last = true
			}
		}
	}
	return last
}

// nameless says whether the file has no name any more, as one that is not kept, or whose compressed twin took its place.
func (l *link) nameless() bool {
	_, _, links, err := identify(int(l.file.Fd()))
	return err == nil && links == 0
}

func (l *link) close() {
	if l.release != nil {
		l.release()
	}
	l.index.close()
	_ = l.file.Close()
}

// aged opens what was put aside as this number, compressed or not; fs.ErrNotExist says that there is none.
func (c *chain) aged(number int) (*link, error) {
	for range 3 { // it may be compressed between two looks
		names := variants(c.name, number)
		if len(names) == 0 {
			return nil, fs.ErrNotExist
		}
		if l, err := c.open(asideName(c.name, number) + names[0]); !errors.Is(err, fs.ErrNotExist) {
			return l, err
		}
	}
	return nil, errShifting
}

// errShifting says that files are being put one further, number by number from the last one on: one number is free then.
var errShifting = errors.New("files are being put aside")

// shifts is how often what is being put aside is looked at again. A number that stays free was left so by somebody who was killed.
const shifts = 20

// agedSurely is aged, but that a number is free only if the next one is too, and if nothing was put aside between the two looks. It
// does not wait for ever: lax passes over a free number.
func (c *chain) agedSurely(number int, lax bool) (*link, error) {
	before, _ := nameOf(c.name)
	l, err := c.aged(number)
	last := false
	switch {
	case errors.Is(err, fs.ErrNotExist):
		after, _ := nameOf(c.name)
		last = len(variants(c.name, number+1)) == 0 && (lax || after == before)
	case !errors.Is(err, errShifting):
		return l, err
	}
	switch {
	case last:
		return nil, fs.ErrNotExist
	case lax:
		return nil, nil
	}
	return nil, errShifting
}

// head opens the file of the log. It has no name for a moment while it is put aside; where that lasts, only what was put aside is
// there, and the answer is nil.
func (c *chain) head() (*link, error) {
	c.resolve()
	for range shifts {
		l, err := c.open(c.name)
		if !errors.Is(err, fs.ErrNotExist) {
			return l, err
		}
		if len(variants(c.name, 1)) == 0 && len(variants(c.name, 2)) == 0 {
			if _, err := os.Lstat(c.name); errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
		<-time.After(time.Millisecond)
	}
	return nil, nil
}

// successors are the files of a log that came after one, oldest first, the file itself last; all, where of is none. There are none while the
// log has still that file, or an empty one. gap is whether files in between are gone already.
func (c *chain) successors(of func() known) (next []*link, gap bool, err error) {
	for try := range shifts {
		next, gap, err = c.successorsNow(of(), try == shifts-1)
		if errors.Is(err, errShifting) {
			<-time.After(time.Millisecond)
			continue
		}
		if err != nil || len(next) == 0 {
			return nil, false, err
		}
		if info, err := os.Stat(c.name); err == nil && os.SameFile(info, stat(next[len(next)-1])) {
			return next, gap, nil
		}
		closeAll(next) // it was put aside meanwhile, and the numbers have changed
	}
	return nil, false, nil // at the next look
}

func (c *chain) successorsNow(of known, lax bool) (next []*link, gap bool, err error) {
	c.resolve()
	head, err := c.open(c.name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil // it was moved, and not made anew
		}
		return nil, false, err
	}
	if head.id == of.id || head.size == 0 {
		head.close()
		return nil, false, nil
	}
	backwards := []*link{head}
	for number := 1; ; number++ {
		l, err := c.agedSurely(number, lax)
		switch {
		case l == nil && err == nil:
			continue
		case errors.Is(err, fs.ErrNotExist):
			gap = of.missedBefore(backwards[len(backwards)-1], number > 1 || of.gone) // it is not among them
			slices.Reverse(backwards)
			return backwards, gap, nil
		case err != nil:
			closeAll(backwards)
			return nil, false, err
		case l.id == backwards[len(backwards)-1].id: // it was put one further since
			closeAll(append(backwards, l))
			return nil, false, errShifting
		case l.id == of.id, l.packed != "" && l.changed.Equal(of.changed): // or compressed, which keeps its time
			l.close()
			slices.Reverse(backwards)
			return backwards, false, nil
		case l.changed.Before(of.changed): // it was moved elsewhere
			l.close()
			gap = of.missedBefore(backwards[len(backwards)-1], false)
			slices.Reverse(backwards)
			return backwards, gap, nil
		}
		backwards = append(backwards, l)
	}
}

// missedBefore says whether there was a file between this one and a later one, and is gone: as the index says, or else perhaps.
func (k known) missedBefore(later *link, perhaps bool) bool {
	before, ok := later.index.follows()
	switch {
	case k == (known{}):
		return false
	case ok && !k.packed:
		return before != k.id
	}
	return perhaps
}

func stat(l *link) os.FileInfo {
	info, err := l.file.Stat()
	if err != nil {
		return nil
	}
	return info
}

func closeAll(links []*link) {
	for _, l := range links {
		l.close()
	}
}
