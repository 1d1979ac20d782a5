package logs

import (
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// indexEvery is how exact the times of lines are that one stream writes without a break.
	indexEvery = time.Second
	indexMode  = 0o600
)

// indexWriter adds to the index of one file. Not safe for concurrent use.
type indexWriter struct {
	file  *os.File
	names []string
	used  int // bytes of the head
	cells int64
	last  int64 // where the last cell begins, -1 without one
}

// openIndexWriter opens the index of a file that has size bytes, and makes it if it is not there, or belongs to another one. follows is the
// file that its writer had before, if any.
func openIndexWriter(directory string, id identity, path string, size int64, follows identity) (*indexWriter, error) {
	const flags = unix.O_RDWR | unix.O_CREAT | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Open(indexName(directory, id), flags, indexMode)
	if err == unix.ENOENT && os.MkdirAll(directory, 0o700) == nil { // somebody has removed it
		fd, err = unix.Open(indexName(directory, id), flags, indexMode)
	}
	if err != nil {
		return nil, err
	}
	w := &indexWriter{file: os.NewFile(uintptr(fd), path), last: -1}
	of, names, used, err := readHead(w.file)
	info, failed := w.file.Stat()
	if err != nil || failed != nil || of != path || size == 0 {
		if err := w.begin(path, follows); err != nil {
			w.close()
			return nil, err
		}
		return w, nil
	}
	w.names, w.used, w.cells = names, used, (info.Size()-indexHead)/cellSize
	for ; w.cells > 0; w.cells-- { // what a crash of the machine left is no cell
		if c, ok := cellIn(w.file, w.cells-1); ok {
			w.last = c.at
			break
		}
	}
	return w, nil
}

func (w *indexWriter) close() {
	if w != nil {
		_ = w.file.Close()
	}
}

// begin empties it.
func (w *indexWriter) begin(path string, follows identity) error {
	if err := w.file.Truncate(0); err != nil {
		return err
	}
	head := append([]byte(indexMagic), path...)
	if len(head) >= followsAt {
		return unix.ENAMETOOLONG
	}
	w.used = len(head) + 1
	head = append(head, make([]byte, followsAt-len(head))...)
	_, err := w.file.WriteAt(append(head, encodeFollows(follows)...), 0)
	return err
}

// name is the number of a process, which is added to the head if it is new.
func (w *indexWriter) name(process string) (int, error) {
	if i := slices.Index(w.names, process); i >= 0 {
		return i, nil
	}
	if process == "" || len(w.names) >= nobody || w.used+len(process)+2 > followsAt {
		return nobody, nil
	}
	if _, err := w.file.WriteAt([]byte(process), int64(w.used)); err != nil {
		return nobody, err
	}
	w.used += len(process) + 1
	w.names = append(w.names, process)
	return len(w.names) - 1, nil
}

// add says that what comes from at on is of this origin.
func (w *indexWriter) add(o origin, at int64, now time.Time) error {
	name, err := w.name(o.process)
	if err != nil {
		return err
	}
	if at <= w.last { // the file was cut, or took nothing of what was announced last
		w.cells = before(w.file, w.cells, func(c cell) bool { return c.at >= at })
		if err := w.file.Truncate(indexHead + w.cells*cellSize); err != nil {
			return err
		}
	}
	c := cell{at: at, time: now, name: name, clone: o.clone, run: o.run, stderr: o.stream == stderrStream}
	if _, err := w.file.WriteAt(c.encode(), indexHead+w.cells*cellSize); err != nil {
		return err
	}
	w.last = at
	w.cells++
	return nil
}
