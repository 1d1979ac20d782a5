package logs

import (
	"errors"
	"sync/atomic"
	"time"
)

// ErrClosed is returned by every method of a pump that was closed.
var ErrClosed = errors.New("log pump is closed")

// OnFull is what happens to lines that their file does not take.
type OnFull int

// The answers to a file that refuses.
const (
	Drop  OnFull = iota // count them, so that the process never waits
	Block               // leave them in the pipe: the process waits when it is full, and nothing is lost
)

// DefaultMaxLine is the MaxLine of a file that names none, in bytes.
const DefaultMaxLine = 64 << 10

// FileOptions describes one log file. The options of the latest Open of a file apply to all who share it.
type FileOptions struct {
	Path   string `json:"path"` // the directories above it are created, 0755, and the file, 0644
	OnFull OnFull `json:"on_full,omitempty"`
	// MaxLine is how long an unfinished line, in bytes, may wait unseen in its pipe; at most a quarter of the pipe and
	// 64 KiB count. A longer one goes to the file as it comes; whoever shares the file waits for its end for at most a second,
	// then it is cut by CutMarker. A file with one writer cuts nothing. Zero is DefaultMaxLine.
	MaxLine int64    `json:"max_line,omitempty"`
	Rotate  Rotation `json:"rotate,omitzero"`
	Form    Form     `json:"form,omitzero"`
	// Forward is where else the lines go, as their processes wrote them, whether or not the file takes them.
	Forward []Target `json:"forward,omitempty"`
}

// CutMarker ends a line that was cut because others waited for the file. The rest of it follows as a line of its own.
const CutMarker = " [phorever: line cut]\n"

const (
	retryEvery    = time.Second            // how often a file that refuses is tried again
	holdLimit     = time.Second            // how long an unfinished line keeps others from its file
	finishLimit   = 200 * time.Millisecond // how long the end of a run waits for its file
	fileMode      = 0o644
	directoryMode = 0o755
)

// Counter counts the lines of one clone, as they stand in its files: both of its streams, and its runs one after another,
// may share one. A line that was cut counts as often as it was cut, and once more.
type Counter struct {
	Logged  atomic.Int64
	Dropped atomic.Int64
}
