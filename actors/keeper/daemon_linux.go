package keeper

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

const (
	// beatEvery is how often the daemon is asked whether it still thinks, silence how long it may owe the answer.
	beatEvery = 10 * time.Second
	silence   = 30 * time.Second
	// lastWords is how long a daemon that was told to leave its stacks has for that.
	lastWords = 5 * time.Second
	// firstStep is how long the program of an upgrade may take until it is up.
	firstStep = 10 * time.Second

	shortestDelay = 50 * time.Millisecond
	longestDelay  = 10 * time.Second
	// calm is how long a daemon must have lived for its death to begin a new count.
	calm = 10 * time.Second
	// patience is how many deaths in a row are answered at once.
	patience = 5
)

// daemon is the process that decides, as the keeper sees it.
type daemon struct {
	pid        int // 0 while there is none
	pidfd      int
	token      uint64
	socket     int
	socketed   uint64 // token of the socket
	ours       bool   // our child; else the one that we inherit from
	up         bool   // it has said hello
	generation int64
	program    string // that it was started from
	since      time.Time
	deaths     int         // in a row
	why        string      // why the last one ended
	next       *time.Timer // of the next start
	heardAt    time.Time   // of its last beat
	asked      bool        // a beat is owed
	aborted    bool
	leaving    bool // it has said bye
	farewell   int  // the exit code that it said then
	successor  string
	fallback   string // the program to go back to
}

// start begins a daemon. The caller holds mu.
func (k *keeper) start(program string) {
	d := &k.daemon
	if d.next != nil {
		d.next.Stop()
		d.next = nil
	}
	err := failpoint.At("keeper.start")
	var ends [2]int
	if err == nil {
		ends, err = Pair()
	}
	if err != nil {
		k.again(err.Error())
		return
	}
	files := []uintptr{0, 1, 2, uintptr(ends[1])}
	arguments := []string{k.order.Name, k.order.Arguments[0], "--kept-fd=3"}
	if k.order.Ready >= 0 {
		files = append(files, uintptr(k.order.Ready))
		arguments = append(arguments, "--ready-fd=4")
	}
	directory := k.order.Directory
	if _, err := os.Stat(directory); err != nil {
		directory = "/"
	}
	handle := -1
	pid, err := k.forker.fork(program, append(arguments, k.order.Arguments[1:]...), &syscall.ProcAttr{
		Dir: directory, Env: os.Environ(), Files: files, Sys: &syscall.SysProcAttr{PidFD: &handle},
	})
	_ = unix.Close(ends[1])
	if err == nil && handle < 0 {
		if handle, err = pidfd.Open(pid); err != nil {
			_, _ = pidfd.ReapPid(pid)
		}
	}
	if err != nil {
		_ = unix.Close(ends[0])
		k.again(fmt.Sprintf("start %s: %v", program, err))
		return
	}
	if k.order.Ready >= 0 {
		_ = unix.Close(k.order.Ready)
		k.order.Ready = -1
	}
	*d = daemon{
		pid: pid, pidfd: handle, ours: true, generation: d.generation + 1, program: program, since: time.Now(), deaths: d.deaths, why: d.why,
		fallback: d.fallback, socket: ends[0], heardAt: time.Now(),
	}
	k.outbox = nil
	d.socketed = k.watch(d.socket, k.hear)
	d.token = k.watch(d.pidfd, k.mourn)
	k.introduce()
	if d.fallback != "" {
		generation := d.generation
		k.after(firstStep, func() {
			if k.daemon.generation == generation && !k.daemon.up {
				k.log("%s is not up after %s: it is ended", program, firstStep)
				_ = pidfd.Signal(k.daemon.pidfd, syscall.SIGKILL)
			}
		})
	}
}

// introduce tells a new daemon everything that it needs to go on.
func (k *keeper) introduce() {
	d := &k.daemon
	k.send(message{word: welcome, texts: []string{k.version, d.why}, numbers: []int64{protocol, d.generation, int64(os.Getpid())}, file: -1})
	for name, file := range k.files {
		k.send(message{word: stored, texts: []string{name}, file: file})
	}
	for name, text := range k.texts {
		k.send(message{word: stored, texts: []string{name, text}, file: -1})
	}
	k.noteEnds()
	for _, r := range k.runs {
		foreign := int64(0)
		if r.foreign {
			foreign = 1
		}
		k.send(message{word: have, texts: []string{r.id}, numbers: []int64{int64(r.pid), int64(r.start), foreign, int64(r.ended)}, file: -1})
	}
	for id := range k.awaited {
		k.send(message{word: reserved, texts: []string{id}, file: -1})
	}
	for _, pid := range pidfd.Children(os.Getpid()) {
		if info, ok := pidfd.ReadInfo(pid); ok && !k.named(pid) {
			k.send(message{word: unknown, numbers: []int64{int64(pid), int64(info.Start), int64(info.Session), int64(info.State)}, file: -1})
		}
	}
	k.send(message{word: ready, file: -1})
	for _, s := range k.told {
		k.send(message{word: signaled, numbers: []int64{s.sequence, int64(s.number)}, file: -1})
	}
}

// mourn is called when the daemon is dead: what it still said is obeyed, then its end.
func (k *keeper) mourn() {
	d := &k.daemon
	var status pidfd.Status
	if d.ours {
		seen, ended, err := pidfd.Peek(d.pidfd)
		if err == nil && !ended {
			k.after(settle, k.mourn)
			return
		}
		status = seen
		k.drain()
		_, _, _ = pidfd.Reap(d.pidfd)
	}
	k.closeDaemon()
	k.sweepSoon()
	lived, fate := time.Since(d.since), describe(status)
	if d.aborted {
		fate = fmt.Sprintf("did not answer for %s and was ended", silence)
	}
	switch {
	case d.leaving:
		k.finish(d.farewell)
	case d.successor != "":
		program := d.successor
		d.why, d.successor, d.deaths, d.fallback = "", "", 0, ourselves
		k.start(program)
	case !d.ours: // it has handed everything over
		d.generation = max(d.generation, 1)
		d.why = "lost its keeper"
		k.start(k.program())
	case d.fallback != "":
		k.log("the new program %s; the daemon goes on with the one before", fate)
		program := d.fallback
		d.why, d.fallback = "could not become another program: it "+fate, ""
		k.start(program)
	case !d.up && d.generation == 1:
		if status.Signal != 0 {
			k.finish(128 + int(status.Signal))
			return
		}
		k.finish(status.Code)
	default:
		if lived >= calm {
			d.deaths = 0
		}
		k.again(fate)
	}
}

// again starts the next daemon: at once, and later and later when that does not help.
func (k *keeper) again(fate string) {
	d := &k.daemon
	if d.generation == 0 { // it has never run: whoever starts us learns why
		k.log("%s", fate)
		k.finish(1)
		return
	}
	d.deaths++
	d.why = fate
	program := k.program()
	if d.deaths <= patience {
		k.log("the daemon %s; it is started again", fate)
		k.start(program)
		return
	}
	delay := min(shortestDelay<<min(d.deaths-patience, 20), longestDelay)
	if delay <= 0 {
		delay = longestDelay
	}
	k.log("the daemon %s, which makes %d deaths in a row; it is started again in %s", fate, d.deaths, delay)
	d.next = k.after(delay, func() { k.start(program) })
	k.noteEndsOn()
}

// ourselves is this very program, whatever became of its file.
const ourselves = "/proc/self/exe"

// program is this very program by its name, as long as that is it.
func (k *keeper) program() string {
	named, errNamed := os.Stat(k.order.Program)
	running, errRunning := os.Stat(ourselves)
	if errNamed == nil && errRunning == nil && os.SameFile(named, running) {
		return k.order.Program
	}
	return ourselves
}

func (k *keeper) closeDaemon() {
	d := &k.daemon
	if d.socket >= 0 {
		k.unwatch(d.socket, d.socketed)
		_ = unix.Close(d.socket)
	}
	if d.pidfd >= 0 {
		k.unwatch(d.pidfd, d.token)
		_ = unix.Close(d.pidfd)
	}
	d.socket, d.pidfd, d.pid = -1, -1, 0
	k.outbox, k.looking = nil, nil
}

// deaf is whether the daemon hears of nothing now: there is none, or it owes an answer for long.
func (d *daemon) deaf() bool {
	return d.pid == 0 || d.asked && time.Since(d.heardAt) >= beatEvery
}

func describe(s pidfd.Status) string {
	if s.Signal != 0 {
		return "was killed by " + unix.SignalName(s.Signal)
	}
	return "exited " + strconv.Itoa(s.Code)
}

// tend asks the daemon whether it still thinks, for as long as it is this one.
func (k *keeper) tend(generation int64) {
	d := &k.daemon
	if d.generation != generation || d.pid == 0 && d.ours || !d.up {
		return
	}
	if time.Since(d.heardAt) >= silence && d.asked && d.ours && !d.aborted {
		k.log("the daemon has not answered for %s: it is told to leave its stacks and to end", silence)
		d.aborted = true
		_ = pidfd.Signal(d.pidfd, syscall.SIGABRT)
		_ = pidfd.Signal(d.pidfd, syscall.SIGCONT) // it may have been stopped
		k.after(lastWords, func() {
			if k.daemon.generation == generation && k.daemon.pidfd >= 0 {
				_ = pidfd.Signal(k.daemon.pidfd, syscall.SIGKILL)
			}
		})
		return
	}
	if d.deaf() {
		k.noteEndsOn()
	}
	if !d.asked {
		d.asked = true
		k.send(message{word: beat, file: -1})
	}
	k.after(beatEvery, func() { k.tend(generation) })
}
