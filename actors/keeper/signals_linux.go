package keeper

import (
	"os"
	"os/signal"
	"slices"
	"strconv"
	"time"
	"unsafe"

	manager "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// passedOn are the signals that have a meaning for the daemon; swallowed are those whose default would end or stop us. A
// handler that does nothing, unlike an ignored signal, does not reach the children.
var (
	passedOn  = []os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2}
	swallowed = []os.Signal{
		unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGPIPE, unix.SIGALRM, unix.SIGVTALRM, unix.SIGPROF, unix.SIGXCPU, unix.SIGXFSZ, unix.SIGIO,
		unix.SIGWINCH,
	}
	// faults are those of the kernel's that somebody may send as well, and ABRT. What the kernel has sent is never handed to us: it goes
	// on ending us.
	faults = []os.Signal{
		unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGSYS, unix.SIGTRAP, unix.SIGSTKFLT, unix.SIGABRT,
	}
)

// mostTold is how many signals may wait for a daemon. Past it the oldest of them that a later one repeats is meant.
const mostTold = 64

// listen takes every signal from now on.
func (k *keeper) listen() {
	signal.Notify(k.signals, passedOn...)
	signal.Notify(make(chan os.Signal, 1), slices.Concat(swallowed, faults)...)
	ended := make(chan os.Signal, 1) // one that waits stands for all
	signal.Notify(ended, unix.SIGCHLD)
	k.children.on = true
	go func() {
		for {
			select {
			case s := <-k.signals:
				k.mu.Lock()
				k.pass(s)
				k.mu.Unlock()
			case program := <-k.renewals: // on this goroutine, which has no signal in its hands
				k.mu.Lock()
				k.renew(program)
				k.mu.Unlock()
			case <-ended:
				k.mu.Lock()
				k.sweepSoon()
				k.mu.Unlock()
			}
		}
	}()
}

// childSignal is whether SIGCHLD is heard. Otherwise it has its default, which is to do nothing: a handler would interrupt us
// at every end of a process.
type childSignal struct {
	on      bool
	handler signalAction // the runtime's
}

// signalAction is struct sigaction as the kernel has it.
type signalAction struct{ handler, flags, restorer, mask uintptr }

func (c *childSignal) hear(on bool) {
	if on == c.on {
		return
	}
	c.on = on
	if on {
		setAction(&c.handler, nil)
	} else {
		setAction(&signalAction{}, &c.handler)
	}
}

func setAction(action, before *signalAction) {
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD), uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(before)), 8, 0, 0)
}

// passAll tells the daemon of what has come until now.
func (k *keeper) passAll() {
	for {
		select {
		case s := <-k.signals:
			k.pass(s)
		default:
			return
		}
	}
}

// pass tells the daemon of a signal; the next one, too, if this one does not live to act on it. The caller holds mu.
func (k *keeper) pass(s os.Signal) {
	number, ok := s.(unix.Signal)
	if !ok {
		return
	}
	k.sequence++
	if len(k.told) == mostTold {
		k.told = k.told[1:]
	}
	k.told = append(k.told, toldSignal{k.sequence, int(number)})
	k.send(message{word: signaled, numbers: []int64{k.sequence, int64(number)}, file: -1})
	k.flush()
	if d := &k.daemon; d.next != nil && d.next.Stop() { // nobody is there to hear it, and whoever sends it waits
		k.start(k.program())
		k.flush()
	}
}

// notify tells the service manager; the daemon itself would not be believed. A manager that is not there is none.
func (k *keeper) notify(text string) {
	if text == manager.SdNotifyReady {
		text += "\nMAINPID=" + strconv.Itoa(os.Getpid())
	}
	_, _ = manager.SdNotify(false, text)
}

// patOn tells the service manager's watchdog twice in the time that it allows that all is well, as long as the daemon answers.
func (k *keeper) patOn() {
	interval, err := manager.SdWatchdogEnabled(false)
	if err != nil || interval <= 0 {
		return
	}
	if time.Since(k.daemon.heardAt) < silence {
		_, _ = manager.SdNotify(false, manager.SdNotifyWatchdog)
	}
	k.after(interval/2, k.patOn)
}
