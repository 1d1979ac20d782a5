package keeper

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/epoll"
)

// keeper is the process's one state. Its goroutines (the loop, signals, timers) take turns by mu.
type keeper struct {
	order    Order
	version  string
	epoll    *epoll.Epoll
	forker   *forker
	children childSignal
	log      func(format string, arguments ...any)

	mu         sync.Mutex
	next       uint64                   // token of the next descriptor to be watched
	watched    map[uint64]func()        // by token: what to do when the descriptor is ready
	runs       map[string]*run          // by id
	mains      map[int]*run             // the same by pid
	awaited    map[string]time.Duration // runs whose fork has not come back, with the time since boot when it was announced
	sweeping   bool                     // a look for orphans is due
	noting     bool                     // a look for ends of which no daemon hears is due
	looking    []string                 // runs for which the strays were asked
	hearing    bool                     // some of what the daemon said is being obeyed
	heardUntil time.Duration            // see heard
	held       map[string]int           // FIFOs by path
	files      map[string]int           // by name, for the next daemon
	texts      map[string]string        // the same
	daemon     daemon
	told       []toldSignal // signals that no daemon has acted on yet
	sequence   int64
	signals    chan os.Signal // what was sent to us
	renewals   chan string    // the program to become
	outbox     []message      // what the daemon's socket did not take yet
	buffer     [mostBytes]byte
	control    [256]byte
	quiet      *time.Timer          // gives memory back
	faults     map[string]time.Time // when each was told
	code       int                  // the exit code
	done       chan struct{}
}

// run is one process of the daemon's.
type run struct {
	id      string
	pid     int
	start   uint64
	foreign bool          // the child of somebody else: of a keeper that died
	ended   time.Duration // since boot, when it was seen to have ended while no daemon listened; 0 if it was not
}

type toldSignal struct {
	sequence int64
	number   int
}

func newKeeper(order Order, version string) (*keeper, error) {
	loop, err := epoll.New()
	if err != nil {
		return nil, err
	}
	k := &keeper{
		order: order, version: version, epoll: loop, forker: newForker(), watched: map[uint64]func(){}, runs: map[string]*run{}, mains: map[int]*run{},
		awaited: map[string]time.Duration{}, held: map[string]int{}, faults: map[string]time.Time{}, files: map[string]int{},
		texts: map[string]string{}, signals: make(chan os.Signal, 128), renewals: make(chan string, 1), done: make(chan struct{}),
	}
	k.daemon.socket, k.daemon.pidfd = -1, -1
	k.log = k.say
	return k, nil
}

// watch calls ready once, on the loop's goroutine with mu held, when the descriptor is readable; again after rewatch.
func (k *keeper) watch(fd int, ready func()) (token uint64) {
	k.next++
	token = k.next
	k.watched[token] = ready
	k.register(unix.EPOLL_CTL_ADD, fd, token, unix.EPOLLIN)
	return token
}

// register is tried again until the kernel has the memory for it: what is not watched would never be heard of.
func (k *keeper) register(operation, fd int, token uint64, events uint32) {
	err := k.epoll.Control(operation, fd, entry(token, events))
	if err == nil || err == unix.EBADF || err == unix.EEXIST || err == unix.ENOENT {
		return
	}
	k.fault("watch", err)
	k.after(shortage, func() {
		if _, ok := k.watched[token]; ok {
			k.register(operation, fd, token, events)
		}
	})
}

func (k *keeper) rewatch(fd int, token uint64, events uint32) {
	k.register(unix.EPOLL_CTL_MOD, fd, token, events)
}

// unwatch comes before the descriptor is closed: a fork in flight may hold a copy, for which epoll would report it.
func (k *keeper) unwatch(fd int, token uint64) {
	if _, ok := k.watched[token]; ok {
		delete(k.watched, token)
		_ = k.epoll.Control(unix.EPOLL_CTL_DEL, fd, nil)
	}
}

// entry is a one-shot epoll entry that carries a token instead of a descriptor, whose number may be used again.
func entry(token uint64, events uint32) *unix.EpollEvent {
	return &unix.EpollEvent{Events: events | unix.EPOLLONESHOT, Fd: int32(uint32(token)), Pad: int32(uint32(token >> 32))}
}

func (k *keeper) loop() {
	events := make([]unix.EpollEvent, 64)
	for {
		n, err := k.epoll.Wait(events, -1)
		if err != nil {
			k.mu.Lock()
			k.fault("epoll", err)
			k.mu.Unlock()
			<-time.After(shortage)
		}
		k.mu.Lock()
		for _, e := range events[:max(n, 0)] {
			token := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
			if ready := k.watched[token]; ready != nil {
				ready()
			}
		}
		k.flush()
		k.mu.Unlock()
	}
}

// after does something later, with mu held.
func (k *keeper) after(delay time.Duration, do func()) *time.Timer {
	return time.AfterFunc(delay, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		do()
		k.flush()
	})
}

// say writes one line to the terminal and into the daemon's log, as far as they take it.
func (k *keeper) say(format string, arguments ...any) {
	text := fmt.Sprintf(format, arguments...)
	if file, ok := k.files[logFile]; ok {
		_, _ = unix.Write(file, []byte(time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00")+" WARN  keeper: "+text+"\n"))
	}
	_, _ = unix.Write(2, []byte("phorever: "+text+"\n"))
}

// logFile is the name under which the daemon stores the descriptor of its log.
const logFile = "log"

// finish ends the keeper with a code. The caller holds mu.
func (k *keeper) finish(code int) {
	select {
	case <-k.done:
	default:
		k.code = code
		close(k.done)
	}
}

// holdFIFO opens a FIFO for as long as its bytes may be needed. Opened for reading alone it keeps nobody's writers alive. One that
// stands in the place of another, of a start that its daemon did not live to see, is not the one that is held.
func (k *keeper) holdFIFO(path string) {
	fd, ok := k.held[path]
	if !ok {
		k.openFIFO(path)
		return
	}
	var held, named unix.Stat_t
	if fd < 0 || unix.Lstat(path, &named) != nil || unix.Fstat(fd, &held) == nil && held.Ino == named.Ino && held.Dev == named.Dev {
		return
	}
	k.letFIFO(path)
	k.openFIFO(path)
}

// keepFIFO holds a FIFO by the descriptor that came with its path.
func (k *keeper) keepFIFO(path string, fd int) {
	k.letFIFO(path)
	k.held[path] = fd
}

// openFIFO is tried again until it is open, gone, or let go.
func (k *keeper) openFIFO(path string) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	switch err {
	case nil:
		k.held[path] = fd
	case unix.ENOENT: // of a start that failed right away
		delete(k.held, path)
	default:
		k.held[path] = -1
		k.fault("hold a FIFO", err)
		k.after(shortage, func() {
			if fd, ok := k.held[path]; ok && fd < 0 {
				k.openFIFO(path)
			}
		})
	}
}

func (k *keeper) letFIFO(path string) {
	if fd, ok := k.held[path]; ok {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
		delete(k.held, path)
	}
}

func (k *keeper) store(m message) {
	if name := m.text(0); m.file >= 0 {
		k.dropFile(name)
		k.files[name] = m.file
	} else {
		k.texts[name] = m.text(1)
	}
}

func (k *keeper) dropFile(name string) {
	if fd, ok := k.files[name]; ok {
		_ = unix.Close(fd)
		delete(k.files, name)
	}
}

// leaveTerminal lets go of the standard streams of whoever started us: a session or a pipe that we keep open could not end.
func leaveTerminal() {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	for fd := range 3 {
		_ = unix.Dup3(null, fd, 0)
	}
	_ = unix.Close(null)
}

// becomeParent makes orphans of everything below us our children.
func becomeParent() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	return nil
}
