package logs

import (
	"bytes"
	"io"
	"os"
	"slices"
)

const (
	// LongestTail is where Tail cuts a line, in bytes.
	LongestTail = 64 << 10
	// mostTailBytes bounds what Tail holds and reads, so that a file without newlines answers like any other.
	mostTailBytes = 64 << 20
	tailChunk     = 64 << 10
)

// Tail is the last n lines of a file, oldest first, without their newlines, read from its end: its size does not matter.
// An unfinished last line counts as one. Of a line longer than LongestTail only the beginning is kept. At most 64 MiB are
// looked at; the oldest line then is what was seen of its end. Bytes are as they are in the file, control characters too.
func Tail(path string, n int) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return tail(f, info.Size(), n, mostTailBytes)
}

func tail(r io.ReaderAt, size int64, n int, most int64) ([]string, error) {
	if n <= 0 {
		return nil, nil
	}
	var lines []string
	err := backwards(r, size, max(0, size-most), LongestTail, func(line []byte, _ int64, _ bool) bool {
		lines = append(lines, string(line))
		return len(lines) < n
	})
	slices.Reverse(lines)
	return lines, err
}

// backwards gives the lines before size, newest first and each without its newline, until each says that it has enough, or bottom is
// reached; the last one then is what was seen of its end. Of a line of more than longest bytes only the beginning is given, and cut. A file
// that is cut meanwhile ends there. at is where the line begins; its text is another one at the next call.
func backwards(r io.ReaderAt, size, bottom int64, longest int, each func(line []byte, at int64, cut bool) bool) error {
	chunk := make([]byte, max(0, min(size, tailChunk)))
	var long []byte // a line that is not in one chunk
	last := size    // where the line ends that is looked for
	for end := size; end > bottom; {
		start := max(bottom, end-int64(len(chunk)))
		part := chunk[:end-start]
		if read, err := r.ReadAt(part, start); err != nil && err != io.EOF {
			return err
		} else if read < len(part) { // the file was cut meanwhile
			size = start + int64(read)
			end, last = size, size
			continue
		}
		if end == size && part[len(part)-1] == '\n' {
			part = part[:len(part)-1]
			last--
		}
		seen := start + int64(len(part))
		give := func(from int64) (more bool, err error) {
			length, cut := last-from, false
			if last <= seen && length <= int64(longest) {
				return each(chunk[from-start:last-start], from, false), nil
			}
			if length > int64(longest) {
				length, cut = int64(longest), true
			}
			long = slices.Grow(long[:0], int(length))[:length]
			n, err := r.ReadAt(long, from)
			if err != nil && err != io.EOF {
				return false, err
			}
			return each(long[:n], from, cut), nil
		}
		for {
			i := bytes.LastIndexByte(part, '\n')
			if i < 0 {
				break
			}
			if more, err := give(start + int64(i) + 1); !more || err != nil {
				return err
			}
			last, part = start+int64(i), part[:i]
		}
		if end = start; end == bottom {
			_, err := give(bottom)
			return err
		}
	}
	return nil
}
