package daemon

import (
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors/keeper"
	"github.com/dcousineau/phorever/spec"
)

// oneWish is how close together signals that end us mean the same: a Ctrl-C reaches a whole process group, and whoever
// runs us may pass it on once more.
const oneWish = 60 * time.Millisecond

// signals are what the daemon listens to.
type signals struct {
	incoming chan wish
	direct   chan os.Signal // sent to this process
	terminal bool           // we had one, and were not told to outlive it
}

// listen takes every signal that has a meaning here, and those whose default would end or stop us.
func listen() *signals {
	s := &signals{incoming: make(chan wish, 64), direct: make(chan os.Signal, 64)}
	s.terminal = !signal.Ignored(syscall.SIGHUP) && terminalThere() // ignored: nohup
	signal.Notify(s.direct, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	swallowed := make(chan os.Signal, 1) // a handler that does nothing, unlike an ignored signal, does not reach our children
	signal.Notify(swallowed, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGPIPE, syscall.SIGALRM, syscall.SIGVTALRM,
		syscall.SIGPROF, syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGIO, syscall.SIGWINCH)
	signal.Notify(swallowed, faults...)
	return s
}

// remember takes what the first daemon knew of a terminal: it may have gone with nobody there to see it. What a daemon in the background
// says is that it has none.
func (s *signals) remember(k *kept) {
	if had, err := strconv.ParseBool(k.inheritance.Texts[heldTerminal]); err == nil {
		s.terminal = had
	}
	if k.inheritance.Texts[keeper.HUPIgnored] != "" { // nohup: the keeper alone has seen it
		s.terminal = false
	}
	had := strconv.FormatBool(s.terminal)
	k.link.Remember(heldTerminal, had)
	k.inheritance.Texts[heldTerminal] = had // for another keeper
}

// relay turns what is sent to this process into wishes. What a terminal sends to a keeper as well is the keeper's alone.
func (s *signals) relay(k *kept) {
	for sent := range s.direct {
		number, ok := sent.(syscall.Signal)
		switch {
		case !ok:
		case k == nil:
			s.incoming <- wish{number, func() {}}
		default:
			k.direct(number)
		}
	}
}

// hungUp tells whether a HUP came because the terminal of a foreground daemon is gone.
func (s *signals) hungUp() bool { return s.terminal && !terminalThere() }

// settle forgets the signals that mean the same as one before.
func (s *signals) settle() {
	late := time.After(oneWish)
	for {
		select {
		case again := <-s.incoming:
			if !ends(again.signal) { // the others wait for their turn, as long as there is room
				select {
				case s.incoming <- again:
				default:
				}
				<-late
				return
			}
		case <-late:
			return
		}
	}
}

func ends(s os.Signal) bool {
	return s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT
}

// terminalThere tells whether we have a controlling terminal.
func terminalThere() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return errors.Is(err, fs.ErrPermission)
	}
	_ = tty.Close()
	return true
}

// handle turns one signal into an order.
func (d *Daemon) handle(w wish) {
	s := w.signal
	if !ends(s) { // a stop that is not done yet is the next daemon's, too
		defer w.acted()
	}
	switch {
	case ends(s):
		d.stopBySignal("signal " + spec.SignalName(s.(syscall.Signal)))
	case s == syscall.SIGHUP && d.signals.hungUp():
		d.signals.terminal = false
		d.stopBySignal("the terminal is gone")
	case s == syscall.SIGHUP:
		select {
		case d.reloads <- struct{}{}:
		default: // one is due anyway, and will see the file as it is now
		}
	case s == syscall.SIGUSR1:
		d.log.Info("opening the log files anew")
		d.journal.reopen()
		d.system.ReopenLogs()
	case s == syscall.SIGUSR2:
		go d.upgradeBySignal()
	}
}

// stopBySignal stops everything in order. A second signal, sent after the first was answered, skips the waits.
func (d *Daemon) stopBySignal(reason string) {
	if d.answered {
		d.log.Warnf("%s: what is left of the stop timeouts is skipped", reason)
		d.system.Shutdown(reason)
		return
	}
	d.signals.settle() // before anything shows that we have heard the first one
	d.answered = true
	d.log.Infof("%s: another one skips what is left of the stop timeouts", reason)
	d.Shutdown(reason)
}
