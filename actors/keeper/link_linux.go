package keeper

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/epoll"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// batch is how long a message may wait for others that go the same way: each datagram wakes the keeper. What it says is known
// to the journal and to the kernel as well, where a daemon that dies in the meantime leaves it.
const batch = 10 * time.Millisecond

// wakeAfter is how long a keeper may owe an answer.
const wakeAfter = 500 * time.Millisecond

// introduction is how long a keeper may take to say everything.
const introduction = 10 * time.Second

// Link is the daemon's end of the socket to its keeper. Its methods are safe for concurrent use and never wait for the keeper.
type Link struct {
	socket int
	epoll  *epoll.Epoll // of the socket alone: the runtime's own would wake us whenever the keeper has read something

	mu      sync.Mutex
	outbox  []message
	timer   *time.Timer
	armed   bool // it runs
	waiting bool // for room in the socket
	serving bool
	closed  bool

	keeper *witness    // of its end
	owed   *time.Timer // nil, or runs while the strays were asked for and not told
	early  []message   // what came right behind the introduction, for Serve
}

// Connect takes the daemon's end of the socket and hears the keeper out.
func Connect(fd int) (*Link, Inheritance, error) {
	unix.CloseOnExec(fd)
	l := &Link{socket: fd}
	err := os.NewSyscallError("fcntl", unix.SetNonblock(fd, true))
	if err == nil {
		l.epoll, err = epoll.New()
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, Inheritance{}, err
	}
	i := Inheritance{Files: map[string]int{}, Texts: map[string]string{}}
	err = l.epoll.Control(unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN})
	if err == nil {
		err = l.hear(&i, time.Now().Add(introduction))
	}
	if err != nil {
		l.release()
		return nil, Inheritance{}, fmt.Errorf("the keeper: %w", err)
	}
	l.keeper = witnessParent(i.Keeper)
	l.timer = time.AfterFunc(time.Hour, l.Flush)
	l.timer.Stop()
	return l, i, nil
}

// hear takes the introduction.
func (l *Link) hear(i *Inheritance, deadline time.Time) error {
	buffer, control := make([]byte, mostBytes), make([]byte, 256)
	for done := false; !done; {
		all, err := receive(l.socket, buffer, control)
		left := time.Until(deadline)
		switch {
		case err == nil:
		case err == io.EOF:
			return err
		case left <= 0:
			return os.ErrDeadlineExceeded
		case err == unix.EAGAIN:
			_, _ = l.epoll.Wait(make([]unix.EpollEvent, 1), left)
		default:
			<-time.After(shortage)
		}
		for _, m := range all {
			if m.word == welcome && m.number(0) < 1 {
				return errors.New("it speaks no language of ours")
			}
			if done {
				l.early = append(l.early, m)
				continue
			}
			done = i.take(m)
		}
	}
	return nil
}

func (l *Link) release() {
	l.epoll.Close()
	_ = unix.Close(l.socket)
}

func (i *Inheritance) take(m message) (done bool) {
	switch m.word {
	case welcome:
		i.Generation, i.Keeper, i.Version, i.Why = int(m.number(1)), int(m.number(2)), m.text(0), m.text(1)
	case have:
		i.Runs = append(i.Runs, Run{ID: m.text(0), Pid: int(m.number(0)), Start: uint64(m.number(1)), Foreign: m.number(2) != 0, Ended: time.Duration(m.number(3))})
	case reserved:
		i.Reserved = append(i.Reserved, m.text(0))
	case unknown:
		i.Unknown = append(i.Unknown, Child{Pid: int(m.number(0)), Start: uint64(m.number(1)), Session: int(m.number(2)), Zombie: m.number(3) == 'Z'})
	case stored:
		if m.file >= 0 {
			i.Files[m.text(0)] = m.file
		} else {
			i.Texts[m.text(0)] = m.text(1)
		}
	case ready:
		return true
	}
	return false
}

// Serve hands on what the keeper tells, until the keeper is gone or the link closed.
func (l *Link) Serve(ends Ends, life Life) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serving = true
	go func() {
		for _, m := range l.early {
			l.hand(ends, life, m)
		}
		l.early = nil
		lost := l.serve(ends, life)
		l.mu.Lock()
		closed := l.closed
		l.closed = true
		l.release()
		l.mu.Unlock()
		if lost && !closed {
			life.Bereft(l.keeper.signal())
		}
	}()
}

// serve returns when nothing more can come.
func (l *Link) serve(ends Ends, life Life) (lost bool) {
	buffer, control := make([]byte, mostBytes), make([]byte, 256)
	events := make([]unix.EpollEvent, 1)
	for {
		n, err := l.epoll.Wait(events, -1)
		if err != nil {
			<-time.After(shortage)
		}
		if n > 0 && events[0].Events&unix.EPOLLOUT != 0 && !l.goOn() {
			<-time.After(shortage)
		}
		err = nil
		for err == nil || errors.Is(err, errGarbled) {
			var all []message
			all, err = receive(l.socket, buffer, control)
			for _, m := range all {
				l.hand(ends, life, m)
			}
		}
		switch err {
		case unix.EAGAIN:
		case io.EOF:
			return true
		default: // the kernel is short of something: what was said waits
			<-time.After(shortage)
		}
	}
}

func (l *Link) hand(ends Ends, life Life, m message) {
	switch m.word {
	case exit:
		ends.Exited(m.text(0), exitOf(m))
	case strays:
		l.answered()
		ends.Strays(m.text(0), pids(m.numbers))
	case signaled:
		sequence := m.number(0)
		life.Signaled(syscall.Signal(m.number(1)), func() { l.now(message{word: heard, numbers: []int64{sequence}, file: -1}) })
	case beat:
		life.Asked()
	case welcome:
		life.Renewed(m.text(0))
	}
	if m.file >= 0 {
		_ = unix.Close(m.file)
	}
}

// Hello says that this daemon is up: from now on its death is a crash, and answered by a new one.
func (l *Link) Hello(version string) {
	l.now(message{word: hello, texts: []string{version}, numbers: []int64{protocol}, file: -1})
}

// Reserve announces a fork; Flush must come before it. Add or Cancel follow.
func (l *Link) Reserve(run string) {
	l.later(message{word: reserve, texts: []string{run}, numbers: []int64{int64(pidfd.SinceBoot())}, file: -1})
}

// Cancel says that no process came of it.
func (l *Link) Cancel(run string) { l.soon(message{word: cancel, texts: []string{run}, file: -1}) }

// Add names the process of a run. A foreign one is not the keeper's child, but that of a keeper before it.
func (l *Link) Add(run string, pid int, start uint64, foreign bool) {
	numbers := []int64{int64(pid), int64(start), 0}
	if foreign {
		numbers[2] = 1
	}
	l.soon(message{word: add, texts: []string{run}, numbers: numbers, file: -1})
}

// Peek asks how the process of a run has ended, which only its parent can always tell.
func (l *Link) Peek(run string) { l.now(message{word: peek, texts: []string{run}, file: -1}) }

// Del has the zombie of a run reaped.
func (l *Link) Del(run string) { l.soon(message{word: del, texts: []string{run}, file: -1}) }

// Look asks for the strays of now. A keeper that does not tell them may have been stopped.
func (l *Link) Look(run string) {
	l.now(message{word: look, texts: []string{run}, file: -1})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owed == nil {
		l.owed = time.AfterFunc(wakeAfter, l.keeper.wake)
	}
}

func (l *Link) answered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owed != nil {
		l.owed.Stop()
		l.owed = nil
	}
}

// Hold has the keeper open a FIFO and keep it, Let close it. Flush must come before anything is written there.
func (l *Link) Hold(path string) { l.later(message{word: hold, texts: []string{path}, file: -1}) }

// Let is the reverse of Hold.
func (l *Link) Let(path string) { l.soon(message{word: let, texts: []string{path}, file: -1}) }

// Keep is Hold of a FIFO that is open here: it is taken at once, and loses nothing of what is written to it from now on.
func (l *Link) Keep(path string, fd int) {
	l.now(message{word: hold, texts: []string{path}, file: copyOf(fd)}) // without a copy it opens the FIFO itself
}

// Store has the keeper keep a copy of a descriptor for the next daemon. It is taken at once.
func (l *Link) Store(name string, fd int) {
	if copied := copyOf(fd); copied >= 0 {
		l.now(message{word: store, texts: []string{name}, file: copied})
	}
}

// copyOf is a copy of a descriptor for a message, -1 where there is no room for one.
func copyOf(fd int) int {
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1
	}
	return copied
}

// Remember has the keeper keep a text for the next daemon.
func (l *Link) Remember(name, text string) {
	l.now(message{word: store, texts: []string{name, text}, file: -1})
}

// StoreLog has the keeper write its own few lines to the daemon's log.
func (l *Link) StoreLog(fd int) { l.Store(logFile, fd) }

// Drop is the reverse of Store.
func (l *Link) Drop(name string) { l.now(message{word: drop, texts: []string{name}, file: -1}) }

// Beat says that the daemon still thinks.
func (l *Link) Beat() { l.now(message{word: beat, file: -1}) }

// Notify tells the service manager.
func (l *Link) Notify(text string) { l.now(message{word: notify, texts: []string{text}, file: -1}) }

// Bye says that the keeper is to end with this exit code when the daemon has ended.
func (l *Link) Bye(code int) {
	l.now(message{word: bye, numbers: []int64{int64(code)}, file: -1})
	l.keeper.wake() // whoever waits for its end
}

// Replace says that another program is to be the daemon when this one has ended.
func (l *Link) Replace(program string) {
	l.now(message{word: replace, texts: []string{program}, file: -1})
}

// Renew has the keeper become another program in place.
func (l *Link) Renew(program string) { l.now(message{word: renew, texts: []string{program}, file: -1}) }

// Detach has the keeper let go of the terminal.
func (l *Link) Detach() { l.now(message{word: detach, file: -1}) }

// Inherit tells a new keeper that its daemon is not its child, and about to leave when it has handed everything over.
func (l *Link) Inherit() { l.now(message{word: inherit, file: -1}) }

// Close ends the link: the keeper is not lost when it goes after that.
func (l *Link) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.flush()
	l.closed = true
	l.timer.Stop()
	if l.serving {
		_ = unix.Shutdown(l.socket, unix.SHUT_RDWR) // whoever serves it sees the end, and closes it
	} else {
		l.release()
	}
}

func (l *Link) later(m message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outbox = append(l.outbox, m)
}

func (l *Link) soon(m message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outbox = append(l.outbox, m)
	if !l.armed {
		l.armed = true
		l.timer.Reset(batch)
	}
}

func (l *Link) now(m message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outbox = append(l.outbox, m)
	l.flush()
}

// Flush sends everything that waits. What the socket does not take follows as soon as it does, in order.
func (l *Link) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
}

func (l *Link) flush() {
	l.armed = false
	if l.waiting || l.closed || l.send() {
		return
	}
	l.waiting = true
	_ = l.epoll.Control(unix.EPOLL_CTL_MOD, l.socket, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT})
}

// goOn sends what waits, as the socket has room. It says false when the kernel has none.
func (l *Link) goOn() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.waiting || l.closed {
		return true
	}
	if !l.send() {
		return false
	}
	l.waiting = false
	_ = l.epoll.Control(unix.EPOLL_CTL_MOD, l.socket, &unix.EpollEvent{Events: unix.EPOLLIN})
	return true
}

// send is whether everything was sent that waits. The caller holds mu.
func (l *Link) send() bool {
	for len(l.outbox) > 0 {
		data, n, file := pack(l.outbox)
		if full(transmit(l.socket, data, file)) {
			return false
		}
		if file >= 0 {
			_ = unix.Close(file)
		}
		l.outbox = l.outbox[n:] // any other error is the keeper's end, of which Serve hears
	}
	l.outbox = nil
	return true
}
