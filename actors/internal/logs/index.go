package logs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"
)

// The index of a log file tells when its bytes were written, and whose they are: what the file itself does not say, and must not, as it
// has the bytes of the processes and no others. It stands in a directory of its own under what the file is, not what it is called, so
// that putting a file aside changes nothing about it.
//
//	head    magic, the path of the log, the names of processes, each ended by a NUL; at its end what the file was that the log had before
//	cells   from where on, when, and who; the last one holds to the end of the file
const (
	indexMagic = "phorever index 1\n"
	indexHead  = 4096
	followsAt  = indexHead - 20
	cellSize   = 24
	nobody     = 127 // the name of one that has no room in the head
)

// cell says who wrote from at on, and when the first of it was written.
type cell struct {
	at     int64 // bytes from the beginning of the file: before it is compressed
	time   time.Time
	name   int
	clone  int
	run    int
	stderr bool
}

func (c cell) encode() []byte {
	b := make([]byte, 0, cellSize)
	b = binary.LittleEndian.AppendUint64(b, uint64(c.at)<<16|uint64(c.clone)&0xffff)
	who := uint64(c.name) << 1
	if c.stderr {
		who |= 1
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(c.time.UnixMicro())<<8|who)
	b = binary.LittleEndian.AppendUint32(b, uint32(c.run))
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// decodeCell says false of what was never written, or only in part.
func decodeCell(b []byte) (c cell, ok bool) {
	if len(b) < cellSize || binary.LittleEndian.Uint32(b[20:]) != crc32.ChecksumIEEE(b[:20]) {
		return cell{}, false
	}
	first, second := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	return cell{
		at: int64(first >> 16), clone: int(first & 0xffff), time: time.UnixMicro(int64(second >> 8)), name: int(second>>1) & 0x7f,
		stderr: second&1 == 1, run: int(binary.LittleEndian.Uint32(b[16:])),
	}, true
}

// indexName is where the index of a file is.
func indexName(directory string, id identity) string {
	return filepath.Join(directory, fmt.Sprintf("%x-%x", id.device, id.inode))
}

// readHead reads of which log an index is, and the names in it. used is how many bytes of the head are taken.
func readHead(file *os.File) (path string, names []string, used int, err error) {
	head := make([]byte, indexHead)
	if _, err := file.ReadAt(head, 0); err != nil {
		return "", nil, 0, err
	}
	rest, ok := bytes.CutPrefix(head, []byte(indexMagic))
	if !ok {
		return "", nil, 0, errors.New("no index of a log, or of another version")
	}
	for {
		name, after, ok := bytes.Cut(rest, []byte{0})
		if !ok || len(name) == 0 {
			break
		}
		if path == "" {
			path = string(name)
		} else {
			names = append(names, string(name))
		}
		rest = after
	}
	return path, names, indexHead - len(rest), nil
}

// encodeFollows is the end of a head: which file came before. Without a name it stays with whoever has it open, and its number with it.
func encodeFollows(id identity) []byte {
	b := make([]byte, 0, indexHead-followsAt)
	b = binary.LittleEndian.AppendUint64(b, id.device)
	b = binary.LittleEndian.AppendUint64(b, id.inode)
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// follows is what the file was that its writer had before; false where that is not known.
func (x *index) follows() (id identity, ok bool) {
	if x == nil {
		return identity{}, false
	}
	var b [indexHead - followsAt]byte
	if _, err := x.file.ReadAt(b[:], followsAt); err != nil || binary.LittleEndian.Uint32(b[16:]) != crc32.ChecksumIEEE(b[:16]) {
		return identity{}, false
	}
	id = identity{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
	return id, id != (identity{})
}

// cellIn reads a cell of an index.
func cellIn(file *os.File, number int64) (cell, bool) {
	var b [cellSize]byte
	if _, err := file.ReadAt(b[:], indexHead+number*cellSize); err != nil {
		return cell{}, false
	}
	return decodeCell(b[:])
}

// before is how many of the first cells are followed by none that holds is true of; a cell that cannot be read counts as the one before.
func before(file *os.File, cells int64, holds func(cell) bool) int64 {
	return int64(sort.Search(int(cells), func(i int) bool {
		for ; i >= 0; i-- {
			if c, ok := cellIn(file, int64(i)); ok {
				return holds(c)
			}
		}
		return false
	}))
}

// index reads one. A nil index knows nothing.
type index struct {
	file  *os.File
	names []string
	cells int64
	// The cell that was used last, and where the next one begins; -1 where there is none yet.
	now  cell
	next int64
	any  bool
	// The clone that was named last, and how: its lines share the text.
	named cell
	clone string
}

// openIndex opens the index of a file that belongs to the log at path. It is nil where there is none.
func openIndex(directory string, id identity, path string) *index {
	if directory == "" {
		return nil
	}
	file, err := os.Open(indexName(directory, id))
	if err != nil {
		return nil
	}
	x := &index{file: file}
	of, names, _, err := readHead(file)
	if err != nil || !sameLog(of, path) {
		x.close()
		return nil
	}
	x.names = names
	x.refresh()
	return x
}

// sameLog is whether two paths name one log, through whatever links.
func sameLog(a, b string) bool {
	return a == b || sameFile(a, b) || filepath.Base(a) == filepath.Base(b) && sameFile(filepath.Dir(a), filepath.Dir(b))
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

func (x *index) close() {
	if x != nil {
		_ = x.file.Close()
	}
}

// refresh takes up what was added. A cell is there before its bytes are: whoever calls it behind the reading of bytes knows of all of them.
func (x *index) refresh() {
	if x == nil {
		return
	}
	if info, err := x.file.Stat(); err == nil {
		x.cells, x.any = max(0, info.Size()-indexHead)/cellSize, false
	}
}

// find is who wrote what is at a place of the file.
func (x *index) find(at int64) (cell, bool) {
	if x == nil {
		return cell{}, false
	}
	if x.any && at >= x.now.at && (x.next < 0 || at < x.next) {
		return x.now, true
	}
	after := before(x.file, x.cells, func(c cell) bool { return c.at > at })
	for i := after - 1; i >= 0; i-- {
		c, ok := cellIn(x.file, i)
		if !ok {
			continue
		}
		x.now, x.any, x.next = c, true, -1
		if following, ok := cellIn(x.file, after); ok && after < x.cells {
			x.next = following.at
		}
		return c, true
	}
	return cell{}, false
}

// endAt is where the first byte is that was written after a moment; most if there is none.
func (x *index) endAt(moment time.Time, most int64) int64 {
	if x == nil {
		return most
	}
	i := before(x.file, x.cells, func(c cell) bool { return c.time.After(moment) })
	if c, ok := cellIn(x.file, i); ok && i < x.cells {
		return min(c.at, most)
	}
	return most
}

// nameOf is the process that a cell names, "" where that is not known.
func (x *index) nameOf(c cell) string {
	if c.name >= len(x.names) && c.name != nobody {
		if _, names, _, err := readHead(x.file); err == nil {
			x.names = names
		}
	}
	if c.name >= len(x.names) {
		return ""
	}
	return x.names[c.name]
}

// cloneOf is the clone that a cell names, "web:2"; "" where that is not known.
func (x *index) cloneOf(c cell) string {
	if x.clone != "" && c.name == x.named.name && c.clone == x.named.clone {
		return x.clone
	}
	name := x.nameOf(c)
	if name == "" {
		return ""
	}
	x.named, x.clone = c, name+":"+strconv.Itoa(c.clone)
	return x.clone
}

// describe says what is known of a line that begins at a place of a file.
func (l *link) describe(text []byte, at int64, cut bool) Line {
	line := Line{Text: text, Cut: cut}
	c, ok := l.index.find(at)
	if !ok {
		return line
	}
	line.Time, line.Run, line.Stderr, line.Known = c.time, c.run, c.stderr, true
	line.Clone = l.index.cloneOf(c)
	return line
}

// pruneIndexes removes the indexes of files that are gone: somebody else than us removed them, or moved them where no reader looks.
func pruneIndexes(directory string, shifting sync.Locker) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := filepath.Join(directory, entry.Name())
		file, err := os.Open(name)
		if err != nil {
			continue
		}
		path, _, _, err := readHead(file)
		_ = file.Close()
		if err != nil {
			continue
		}
		shifting.Lock() // while files are put one further one is not seen
		if !slices.Contains(indexedNames(directory, path), name) {
			pruneIndex(directory, path, name)
		}
		shifting.Unlock()
	}
}

// pruneIndex removes the index of a file that is gone; and puts it back if by now there is one again, which has its number on the disk and has
// begun to write into its index.
func pruneIndex(directory, path, name string) {
	held := name + ".gone"
	_ = os.Remove(held) // of one that was killed here
	if os.Link(name, held) != nil || os.Remove(name) != nil {
		return
	}
	if slices.Contains(indexedNames(directory, path), name) {
		_ = os.Link(held, name) // unless a newer one is there
	}
	_ = os.Remove(held)
}

// indexedNames are the indexes that the files of a log may have.
func indexedNames(directory, path string) (names []string) {
	files, _ := filepath.Glob(escapeGlob(path) + "*")
	for _, file := range files {
		if id, err := nameOf(file); err == nil && id != (identity{}) {
			names = append(names, indexName(directory, id))
		}
	}
	return names
}

func escapeGlob(path string) string {
	var b bytes.Buffer
	for _, c := range []byte(path) {
		if bytes.IndexByte([]byte(`*?[\`), c) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}
