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
	if n <= 0 || size <= 0 {
		return nil, nil
	}
	var (
		lines  []string // newest first
		line   []byte   // what is known of the line that is being read, from its end
		chunk  = make([]byte, min(size, tailChunk))
		bottom = max(0, size-most)
	)
	for end := size; end > bottom && len(lines) < n; {
		start := max(bottom, end-int64(len(chunk)))
		part := chunk[:end-start]
		if read, err := r.ReadAt(part, start); err != nil && err != io.EOF {
			return nil, err
		} else if read < len(part) { // the file was cut meanwhile
			size = start + int64(read)
			end, bottom, lines, line = size, max(0, size-most), nil, nil
			continue
		}
		if end == size && part[len(part)-1] == '\n' {
			part = part[:len(part)-1]
		}
		for len(lines) < n {
			i := bytes.LastIndexByte(part, '\n')
			line = prepend(part[i+1:], line)
			if i < 0 {
				break
			}
			lines, line = append(lines, string(line)), nil
			part = part[:i]
		}
		end = start
		if end == bottom && len(lines) < n {
			lines = append(lines, string(line))
		}
	}
	slices.Reverse(lines)
	return lines, nil
}

// prepend puts head before line and keeps no more of both than LongestTail.
func prepend(head, line []byte) []byte {
	joined := make([]byte, 0, min(len(head)+len(line), LongestTail))
	joined = append(joined, head[:min(len(head), LongestTail)]...)
	return append(joined, line[:min(len(line), LongestTail-len(joined))]...)
}
