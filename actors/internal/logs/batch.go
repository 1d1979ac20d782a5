package logs

import "bytes"

// cut is what may leave a pipe of the bytes that were seen in it.
type cut struct {
	take  int  // bytes from the front
	lines int  // lines that these end, the completed one included
	open  bool // they end inside a line that goes on
	close bool // they end inside a line that does not go on: add a newline
}

// decide says what may leave the pipe. All of seen counts as the end of the output when last is set. An unfinished line
// stays unless it is part of one that is in the file already (inside), or has reached longest bytes.
func decide(seen []byte, last, inside bool, longest int) cut {
	whole := bytes.LastIndexByte(seen, '\n') + 1
	rest := len(seen) - whole
	c := cut{take: whole, lines: bytes.Count(seen[:whole], newline)}
	switch {
	case last && (rest > 0 || inside && whole == 0):
		c.take, c.lines, c.close = len(seen), c.lines+1, true
	case whole == 0 && rest > 0 && (inside || rest >= longest):
		c.take, c.open = rest, true
	}
	return c
}

var newline = []byte{'\n'}

// wholeLines is how many lines the first n bytes of a batch hold, and how many bytes these lines are.
func wholeLines(batch []byte, n int) (lines, bytesOfThem int) {
	end := bytes.LastIndexByte(batch[:n], '\n') + 1
	return bytes.Count(batch[:end], newline), end
}

func lineCount(text []byte) int { return bytes.Count(text, newline) }

// lineEnd is how many bytes the whole lines at the front are.
func lineEnd(text []byte) int { return bytes.LastIndexByte(text, '\n') + 1 }

// firstLine is how many bytes the first line is, 0 if it has no end.
func firstLine(text []byte) int { return bytes.IndexByte(text, '\n') + 1 }
