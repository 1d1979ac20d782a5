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
	err := backwards(r, size, max(0, size-most), func(line []byte, _ int64) bool {
		lines = append(lines, string(line))
		return len(lines) < n
	})
	slices.Reverse(lines)
	return lines, err
}

// backwards gives the lines before size, newest first and each without its newline, until each says that it has enough, or bottom is
// reached; the last one then is what was seen of its end. Of a line longer than LongestTail only the beginning is kept. A file that is
// cut meanwhile ends there. at is where the line begins.
func backwards(r io.ReaderAt, size, bottom int64, each func(line []byte, at int64) bool) error {
	var line []byte // what is known of the line that is being read, from its end
	chunk := make([]byte, max(0, min(size, tailChunk)))
	for end := size; end > bottom; {
		start := max(bottom, end-int64(len(chunk)))
		part := chunk[:end-start]
		if read, err := r.ReadAt(part, start); err != nil && err != io.EOF {
			return err
		} else if read < len(part) { // the file was cut meanwhile
			size, line = start+int64(read), nil
			end = size
			continue
		}
		if end == size && part[len(part)-1] == '\n' {
			part = part[:len(part)-1]
		}
		for {
			i := bytes.LastIndexByte(part, '\n')
			line = prepend(part[i+1:], line)
			if i < 0 {
				break
			}
			if !each(line, start+int64(i)+1) {
				return nil
			}
			line, part = nil, part[:i]
		}
		if end = start; end == bottom {
			each(line, bottom)
		}
	}
	return nil
}

// prepend puts head before line and keeps no more of both than LongestTail.
func prepend(head, line []byte) []byte {
	joined := make([]byte, 0, min(len(head)+len(line), LongestTail))
	joined = append(joined, head[:min(len(head), LongestTail)]...)
	return append(joined, line[:min(len(line), LongestTail-len(joined))]...)
}
