package child

import (
	"errors"
	"io/fs"

	"github.com/dcousineau/phorever/actors/internal/logs"
	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// What whoever plans a start must name, so that this package stays the only one that knows both sides.
type (
	// Command is what to execute.
	Command = osproc.Command
	// Credential is the user to run as.
	Credential = osproc.Credential
	// Shim is what only a program in between can set.
	Shim = osproc.Shim
	// Limit is one resource limit.
	Limit = osproc.Limit
	// Status is how a process ended.
	Status = osproc.Status
	// Direct makes this process the parent of what is started.
	Direct = osproc.Direct
	// LogFile says where a stream goes.
	LogFile = logs.FileOptions
	// Rotation is when its file is put aside.
	Rotation = logs.Rotation
	// Compression is how what was put aside is kept.
	Compression = logs.Compression
	// LogForm is how lines stand in it.
	LogForm = logs.Form
	// LogNote is what happens to a log file: LogDropping, LogDropped or LogTrouble.
	LogNote = logs.Note
	// LogDropping says that it refuses lines.
	LogDropping = logs.Dropping
	// LogDropped says that it works again.
	LogDropped = logs.Dropped
	// LogTrouble says what else cannot be done.
	LogTrouble = logs.Trouble
	// Lines counts what was written.
	Lines = logs.Counter
)

// What happens to lines that no file takes.
const (
	Drop  = logs.Drop
	Block = logs.Block
)

// LookPath finds a program as the child would.
func LookPath(file, directory string, environ []string) (string, error) {
	return osproc.LookPath(file, directory, environ)
}

// ExecChild is the body of the shim. It does not return.
func ExecChild(arguments []string) { osproc.ExecChild(arguments) }

// LastLines reads the last n lines of a log file, oldest first. A file that does not exist has none.
func LastLines(path string, n int) ([]string, error) {
	lines, err := logs.Tail(path, n)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return lines, err
}
