package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/keeper"
	"github.com/dcousineau/phorever/cmd/internal/control"
)

// handover is how everything is left to another daemon.
type handover struct {
	program string       // that the keeper starts in our place; "" when a new keeper starts its own
	link    *keeper.Link // to that keeper
}

// leave lets go of everything without ending any of it: what runs, runs on, and what it writes waits in its FIFOs.
func (d *Daemon) leave(h handover) {
	d.server.Leave()
	d.system.Quiesce()
	d.office.Close(gone) // what waits is in the outbox, which is the next daemon's
	if h.link != nil {
		d.system.HandOver(h.link)
		d.state.Flush()
		h.link.Settle(settleWithin) // what a process has left in its FIFO before it ended, nobody has open but we
		h.link.Close()
		return
	}
	d.state.Flush()
	d.kept.link.Replace(h.program)
	d.kept.link.Close()
}

// settleWithin is how long another keeper may take to hear what is handed to it.
const settleWithin = 5 * time.Second

// gone is a context that has ended.
var gone = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// store has the keeper hold what the next daemon needs.
func (k *kept) store(server *control.Server, log *journal) {
	k.storeIn(k.link, server, log)
}

func (k *kept) storeIn(link *keeper.Link, server *control.Server, log *journal) {
	_ = server.Listener(func(fd int) { link.Store(heldSocket, fd) }) // without one the next daemon makes its own
	if file := log.file; file != nil {
		file.tell(link.StoreLog)
	}
}

// listener is the control socket of the daemon before us, nil if there was none: who knocks meanwhile waits.
func (k *kept) listener() net.Listener {
	if k == nil {
		return nil
	}
	fd, ok := k.inheritance.Files[heldSocket]
	if !ok {
		return nil
	}
	file := os.NewFile(uintptr(fd), "control socket")
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil
	}
	return listener
}

// restoreLocks puts the locks back when somebody has removed them.
func (d *Daemon) restoreLocks() error {
	before, number := d.lock.Descriptor(), d.pidfile.Descriptor()
	err := errors.Join(d.lock.Restore(), d.pidfile.Restore())
	if d.kept != nil && d.lock.Descriptor() != before {
		d.kept.link.Store(heldLock, d.lock.Descriptor())
	}
	if d.kept != nil && d.pidfile.Descriptor() != number {
		d.kept.link.Store(heldPidfile, d.pidfile.Descriptor())
	}
	return err
}

// beat answers the keeper when the tree itself has answered.
func (d *Daemon) beat() {
	if _, err := d.system.Resolve(nil); err == nil {
		d.kept.link.Beat()
	}
}

// replaceKeeper starts a keeper in the place of one that was killed, hands everything over, and leaves: what it starts is
// its child, and so are all processes from then on.
func (d *Daemon) replaceKeeper() {
	defer close(d.replaced)
	for range 1000 { // its socket is closed a moment before it is dead
		if os.Getppid() != d.kept.pid() {
			break
		}
		<-time.After(time.Millisecond)
	}
	if os.Getppid() == d.kept.pid() { // two keepers would start two daemons
		d.log.Error("the keeper does not talk to this daemon any more: it starts another one")
		d.handover <- handover{program: self()}
		return
	}
	d.log.Error("the keeper is gone: another one takes over, with another daemon")
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		link, err := d.startKeeper()
		if err == nil {
			d.handover <- handover{link: link}
			return
		}
		d.log.Errorf("start a keeper: %v; next try in %s", err, pause)
		select {
		case <-time.After(pause):
		case <-d.system.Done():
			return
		}
	}
}

// dismissKeeper sends a keeper away that was about to take over when everything ended: the daemon that it would start has nothing to do.
func (d *Daemon) dismissKeeper() {
	if d.replaced == nil {
		return
	}
	<-d.replaced
	select {
	case h := <-d.handover:
		if h.link != nil {
			h.link.Bye(d.system.ExitCode())
		}
	default:
	}
}

func (d *Daemon) startKeeper() (*keeper.Link, error) {
	ends, err := keeper.Pair()
	if err != nil {
		return nil, err
	}
	theirs := os.NewFile(uintptr(ends[1]), "keeper")
	defer theirs.Close()
	order := d.order()
	order.Link = 3
	command := exec.Command(self(), order.Argv()[1:]...)
	command.Args[0] = order.Name
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.ExtraFiles = []*os.File{theirs}
	if err := command.Start(); err != nil {
		_ = unix.Close(ends[0])
		return nil, err
	}
	link, inheritance, err := keeper.Connect(ends[0])
	if err != nil {
		_ = command.Process.Kill()
		_ = command.Wait()
		return nil, err
	}
	for _, file := range []interface{ Rewrite(int) error }{d.lock, d.pidfile} {
		if err := file.Rewrite(inheritance.Keeper); err != nil {
			d.log.Warnf("pid file: %v", err)
		}
	}
	link.Inherit()
	link.Store(heldLock, d.lock.Descriptor())
	link.Store(heldPidfile, d.pidfile.Descriptor())
	for name, text := range d.kept.inheritance.Texts {
		link.Remember(name, text)
	}
	link.Remember(heldState, d.stateIn)
	d.kept.storeIn(link, d.server, d.journal)
	return link, nil
}

// order is how a keeper for this daemon is started.
func (d *Daemon) order() keeper.Order {
	return keeper.Fresh("phorever", d.options.Program, d.options.WorkingDirectory, d.options.Arguments)
}

// Become makes this process the keeper of a daemon with these options. It does not return, unless with an error.
func Become(options Options) error {
	order := keeper.Fresh("phorever", options.Program, options.WorkingDirectory, options.Arguments)
	return syscall.Exec(self(), order.Argv(), os.Environ())
}

// KeepWord is the word by which a keeper is started.
const KeepWord = keeper.Word

// Keep is the life of a keeper, as its word on the command line.
func Keep(name string, arguments []string, version string) int {
	order, err := keeper.ParseOrder(name, arguments)
	if err != nil {
		fmt.Fprintf(os.Stderr, "phorever: error: %v\n", err)
		return 2
	}
	return keeper.Main(order, version)
}

// SomebodyRuns is the exit code by which a daemon tells its keeper that another one was first.
const SomebodyRuns = keeper.SomebodyRuns

// Kept tells whether daemons have a keeper on this system.
func Kept() bool { return keeper.Supported() }
