package daemon

import (
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors/keeper"
	"github.com/dcousineau/phorever/pidfile"
)

// kept is the daemon's life with its keeper: what the keeper tells becomes an order of the main loop. Without a keeper it is
// nil, and the daemon is its own.
type kept struct {
	link        *keeper.Link
	inheritance keeper.Inheritance
	incoming    chan wish
	asked       chan struct{}
	bereft      chan struct{}

	mu      sync.Mutex
	latest  map[syscall.Signal]time.Time // when the keeper has passed it on
	renewed bool                         // the keeper has become another program
}

// wish is a signal that somebody has sent us.
type wish struct {
	signal os.Signal
	acted  func() // to be called when it was acted on
}

// meet makes the acquaintance of the keeper that has started us.
func meet(descriptor int, incoming chan wish) (*kept, error) {
	link, inheritance, err := keeper.Connect(descriptor)
	if err != nil {
		return nil, err
	}
	return &kept{
		link: link, inheritance: inheritance, incoming: incoming, asked: make(chan struct{}, 1), bereft: make(chan struct{}),
		latest: map[syscall.Signal]time.Time{},
	}, nil
}

// Signaled is called by the link. A signal that finds no room is one of many, and the next daemon hears of it again.
func (k *kept) Signaled(number syscall.Signal, acted func()) {
	k.mu.Lock()
	k.latest[number] = time.Now()
	k.mu.Unlock()
	select {
	case k.incoming <- wish{number, acted}:
	default:
	}
}

// Asked is called by the link.
func (k *kept) Asked() {
	select {
	case k.asked <- struct{}{}:
	default:
	}
}

// Renewed is called by the link.
func (k *kept) Renewed(string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.renewed = true
}

// Bereft is called by the link. A keeper hears every signal that means something, except in the moment in which it becomes another
// program: one that has killed it was meant for us.
func (k *kept) Bereft(by syscall.Signal) {
	k.mu.Lock()
	k.latest[by] = time.Now()
	k.mu.Unlock()
	if ends(by) {
		k.incoming <- wish{by, func() {}}
	}
	close(k.bereft)
}

// first is whether we are the first daemon of our keeper: somebody waits for what we say.
func (k *kept) first() bool { return k == nil || k.inheritance.Generation == 1 }

// pid is the number that the pid file names.
func (k *kept) pid() int {
	if k == nil {
		return os.Getpid()
	}
	return k.inheritance.Keeper
}

// The names under which descriptors and words wait for the next daemon.
const (
	heldLock    = "lock"
	heldPidfile = "pidfile"
	heldSocket  = "socket"
	heldState   = "state"

	heldTerminal = "terminal" // whether the first daemon had one
)

// acquire takes a lock, or the one that the daemon before us had.
func (k *kept) acquire(name, path string) (*pidfile.File, error) {
	if k == nil {
		return pidfile.Acquire(path)
	}
	if fd, ok := k.inheritance.Files[name]; ok {
		return pidfile.Inherit(path, fd, k.pid()), nil
	}
	file, err := pidfile.AcquireFor(path, k.pid())
	if err == nil {
		k.link.Store(name, file.Descriptor())
	}
	return file, err
}

// echo is how long after a signal from the keeper, or before it, the same one sent to us directly means the same: whoever
// signals a whole group reaches both.
const echo = 500 * time.Millisecond

// direct takes a signal that was sent to the daemon itself: it means what it would mean to the keeper.
func (k *kept) direct(number syscall.Signal) {
	time.AfterFunc(echo, func() {
		k.mu.Lock()
		latest := k.latest[number]
		k.mu.Unlock()
		if time.Since(latest) > 2*echo {
			select {
			case k.incoming <- wish{number, func() {}}:
			default:
			}
		}
	})
}

// channels are what the main loop listens to; nil ones, which never speak, without a keeper.
func (k *kept) channels() (asked, bereft <-chan struct{}) {
	if k == nil {
		return nil, nil
	}
	return k.asked, k.bereft
}
