package daemon

import (
	"os"
	"runtime"
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
// last command. A daemon spends its life waiting, and what it keeps meanwhile is missing to what it supervises. It also says
// how many processors the runtime has.
type memory struct {
	quiet, text, calm *time.Timer
	starts            atomic.Int32 // of processes, since calm was set
	stormy            atomic.Int32 // how many processors the runtime had before a storm, 0 while there is none
}

const (
	// storm is how many processes are started within calmAfter that are worth more garbage: then collecting it takes a tenth of all
	// time. A few that crash again and again are none.
	storm = 32
	// stormGrowth is growth meanwhile, in percent.
	stormGrowth = 100
	// stormForks is how many more forks there may be at once meanwhile: each keeps one of the runtime's processors.
	stormForks = 2
	// calmAfter is how long fewer are started until a storm is over, with the news that its processes run.
	calmAfter = 1500 * time.Millisecond
)

func newMemory() *memory {
	debug.SetGCPercent(growth)
	enoughProcessors()
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
		n := runtime.GOMAXPROCS(0)
		if m.stormy.CompareAndSwap(0, int32(n)) {
			runtime.GOMAXPROCS(n + stormForks)
			debug.SetGCPercent(stormGrowth)
		}
	}
}

func (m *memory) calmed() {
	if m.starts.Swap(0) >= storm {
		m.calm.Reset(calmAfter)
		return
	}
	n := m.stormy.Swap(0)
	if n == 0 {
		return
	}
	debug.SetGCPercent(growth)
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.SetDefaultGOMAXPROCS() // which follows the limits of a container
	} else {
		runtime.GOMAXPROCS(int(n))
	}
	enoughProcessors()
	giveBack()
}

// enoughProcessors has the runtime have one that answers while a fork keeps one: on a dead mount that is for ever.
func enoughProcessors() {
	if runtime.GOMAXPROCS(0) < 2 {
		runtime.GOMAXPROCS(2)
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
