package daemon

import (
	"runtime/debug"
	"time"
)

const (
	// quietAfter is how long after the last command memory is given back.
	quietAfter = 10 * time.Second
	// answered is how long after one the text that it needed is given back: that costs about a millisecond.
	answered = 2 * time.Millisecond
)

// memory gives back what the daemon does not need while nothing happens: right after the start, and some time after the
// last command. A daemon spends its life waiting, and what it keeps meanwhile is missing to what it supervises.
type memory struct {
	quiet, text *time.Timer
}

func newMemory() *memory {
	return &memory{quiet: time.AfterFunc(time.Second, giveBack), text: time.AfterFunc(time.Second, dropText)}
}

// used says that a command came or went; it never blocks.
func (m *memory) used() {
	m.text.Reset(answered)
	m.quiet.Reset(quietAfter)
}

func (m *memory) stop() {
	m.text.Stop()
	m.quiet.Stop()
}

func giveBack() {
	debug.FreeOSMemory()
	dropText()
}
