package daemon

import (
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/dcousineau/phorever/actors/keeper"
)

const (
	// quietAfter is how long after the last command memory is given back.
	quietAfter = 10 * time.Second
	// answered is how long after one the text that it needed is given back: that costs about a millisecond.
	answered = 2 * time.Millisecond
	// growth is how much garbage may come to what is in use, in percent. Most of what is in use is the state of the processes,
	// which is small, and little is thrown away while nothing happens.
	growth = 50
)

// memory gives back what the daemon does not need while nothing happens: right after the start, and some time after the
// last command. A daemon spends its life waiting, and what it keeps meanwhile is missing to what it supervises.
type memory struct {
	quiet, text, calm *time.Timer
	starts            atomic.Int32 // of processes, since calm was set
	stormy            atomic.Bool  // there is more garbage than usual
}

const (
	// storm is how many processes are started within calmAfter that are worth more garbage: then collecting it takes a tenth of all
	// time. A few that crash again and again are none.
	storm = 32
	// stormGrowth is growth meanwhile, in percent.
	stormGrowth = 100
	// calmAfter is how long fewer are started until a storm is over, with the news that its processes run.
	calmAfter = 1500 * time.Millisecond
)

func newMemory() *memory {
	debug.SetGCPercent(growth)
	m := &memory{quiet: time.AfterFunc(time.Second, giveBack), text: time.AfterFunc(time.Second, keeper.DropText)}
	m.calm = time.AfterFunc(calmAfter, m.calmed)
	return m
}

// starting says that a process is being started; it never blocks.
func (m *memory) starting() {
	switch m.starts.Add(1) {
	case 1:
		m.calm.Reset(calmAfter)
	case storm:
		m.stormy.Store(true)
		debug.SetGCPercent(stormGrowth)
	}
}

func (m *memory) calmed() {
	switch {
	case m.starts.Swap(0) >= storm:
		m.calm.Reset(calmAfter)
	case m.stormy.Swap(false):
		debug.SetGCPercent(growth)
		giveBack()
	}
}

// used says that a command came or went; it never blocks.
func (m *memory) used() {
	m.text.Reset(answered)
	m.quiet.Reset(quietAfter)
}

// started says that everything was started, which leaves more behind than any command.
func (m *memory) started() {
	m.text.Reset(answered)
	m.quiet.Reset(time.Second)
}

func (m *memory) stop() {
	m.text.Stop()
	m.quiet.Stop()
	m.calm.Stop()
}

func giveBack() {
	debug.FreeOSMemory()
	keeper.DropText()
}
