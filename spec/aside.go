package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// asides refuses logs with names that a rotation needs: it renames and removes whatever has them, so that it would put
// the log of one process aside with that of another. files are the logs of each process.
func (l *loader) asides(processes []written, files [][]logPath) {
	rotated := map[string]rotatedLog{}
	note := func(path, whose string, rotate Rotate) {
		// Of processes that share a file any may be the one whose rotation holds.
		if known, shared := rotated[path]; rotate != (Rotate{}) && (!shared || known.keep < rotate.Keep) {
			rotated[path] = rotatedLog{whose, rotate.Keep}
		}
	}
	note(l.config.Logging.Own(), "the daemon's own log", l.config.Logging.Rotate)
	for i, p := range processes {
		for _, file := range files[i] {
			note(file.path, fmt.Sprintf("the log of %q", p.Name), p.Log.Rotate)
		}
	}
	for i, p := range processes {
		told := map[string]bool{} // once, not for each clone
		for _, file := range files[i] {
			path, number := beforeAside(file.path)
			// The one after those that are kept is removed.
			if log, ok := rotated[path]; ok && number <= log.keep+1 && !told[file.key] {
				told[file.key] = true
				l.report.errorAt(l.anchor(p, file.key), fmt.Sprintf("its output would go into %s, where %s is put aside", l.shown(file.path), log.whose),
					"choose a name that does not end in a number, or set that log's \"rotate\" to false")
			}
		}
	}
}

// rotatedLog is a log that is put aside.
type rotatedLog struct {
	whose string
	keep  int
}

// beforeAside is the log that a name would be a number of: web.log.2.gz is web.log, 2. Any other name is of none.
func beforeAside(path string) (log string, number int) {
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
	dot := strings.LastIndexByte(path, '.')
	number, err := strconv.Atoi(path[dot+1:])
	if dot < 0 || err != nil || number < 1 || strconv.Itoa(number) != path[dot+1:] {
		return "", 0
	}
	return path[:dot], number
}
