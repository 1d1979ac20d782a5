package spec

import (
	"path/filepath"
	"time"
)

// Logging is the section "logging": where output goes, and the daemon's own log.
type Logging struct {
	Directory string // absolute
	Format    LogFormat
	OnFull    OnFull
	MaxLine   int64 // bytes
	Rotate    Rotate
	// Timestamps and Prefix are for the lines of processes; Format is for those too.
	Timestamps bool
	Prefix     bool
	Forward    []LogTarget // where else the lines of processes go
}

// Own is the daemon's own log.
func (l Logging) Own() string { return filepath.Join(l.Directory, "phorever.log") }

// Rotate is when a log file is put aside, and what becomes of it. The zero value puts none aside.
type Rotate struct {
	Size     int64         // bytes
	Age      time.Duration // 0: at no age
	Keep     int           // so many are kept
	Compress Compression
}

// Compression is how a file that was put aside is kept.
type Compression string

// The ways of compression. The zero value is none.
const (
	CompressGzip Compression = "gzip"
	CompressZstd Compression = "zstd"
)

// LogFormat is the form of the daemon's own log, and of the lines of processes.
type LogFormat string

// The forms of the daemon's own log.
const (
	FormatText LogFormat = "text"
	FormatJSON LogFormat = "json"
)

// OnFull is what happens to output that no file takes.
type OnFull string

// The answers to a full disk.
const (
	OnFullDrop  OnFull = "drop"  // count it and go on
	OnFullBlock OnFull = "block" // let the process wait
)

// ProcessLog is where one process's output goes. The file names hold %…%, relative to Logging.Directory or absolute.
type ProcessLog struct {
	Forward bool // log_forwarding; false discards
	Stdout  string
	Stderr  string
	OnFull  OnFull
	MaxLine int64 // bytes
	Rotate  Rotate

	Format     LogFormat // FormatText leaves lines as they are, but for what the next two put before them
	Timestamps bool
	Prefix     bool // whose line it is

	Targets []LogTarget // where else its lines go
}
