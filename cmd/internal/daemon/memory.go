package daemon

import (
	"runtime/debug"
	"time"
)

// quietAfter is how long after the last command memory is given back.
const quietAfter = 10 * time.Second

// memory gives back what the daemon does not need while nothing happens: right after the start, and some time after the
// last command. A daemon spends its life waiting, and what it keeps meanwhile is missing to what it supervises.
type memory struct {
	quiet *time.Timer
}

func newMemory() *memory {
	m := &memory{}
	m.quiet = time.AfterFunc(time.Second, giveBack)
	return m
}

// used says that something happened; it never blocks.
func (m *memory) used() { m.quiet.Reset(quietAfter) }

func (m *memory) stop() { m.quiet.Stop() }

func giveBack() {
	debug.FreeOSMemory()
	dropText()
}
