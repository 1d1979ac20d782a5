package spec

// Logging is the section "logging": where output goes, and the daemon's own log.
type Logging struct {
	Directory string // absolute
	Format    LogFormat
	OnFull    OnFull
	MaxLine   int64 // bytes
}

// LogFormat is the form of the daemon's own log.
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
}
