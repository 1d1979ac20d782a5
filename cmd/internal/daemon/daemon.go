package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/keeper"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/notifier"
	"github.com/dcousineau/phorever/pidfile"
	"github.com/dcousineau/phorever/spec"
	"github.com/sirupsen/logrus"
)

// Options are how a daemon is started.
type Options struct {
	Config           string // absolute, as named
	WorkingDirectory string // of whoever starts it: problems name files relative to it
	Targets          []actors.Target
	Wait             time.Duration // bounds how long it is waited for what was started
	AllowUnsafe      bool
	Version          string
	Program          string    // our binary, as named: what an upgrade becomes
	Arguments        []string  // that make another daemon like this one, from the command word on
	Kept             int       // descriptor of the socket to our keeper, 0 where there is none
	Detached         bool      // nobody sees what we say
	Leftovers        Leftovers // what to do with what a killed daemon has left
	Terminal         io.Writer // where a foreground daemon tells what happens; nil in the background
	Problems         func(spec.Problems)
	Ready            func(actors.Report) // called once, when everything started is up or was waited for in vain
}

// ErrRunning is returned by Run when a daemon runs for the configuration already.
var ErrRunning = errors.New("a daemon runs already")

// keepLockEvery is how often it is looked whether our lock is still there; it is back within 5 s.
const keepLockEvery = 4 * time.Second

// Daemon is what the control door needs of it.
type Daemon struct {
	options   Options
	place     control.Place
	started   time.Time
	kept      *kept // nil without a keeper
	lock      *pidfile.File
	pidfile   *pidfile.File
	state     *actors.State
	stateIn   string   // the directory
	stateSays []string // what is wrong with it
	sheltered string   // see shelter; "" until it was asked for
	words     *os.File // what the runtime says when we crash; nil if that cannot be kept
	journal   *journal
	log       logrus.FieldLogger
	signals   *signals
	system    *actors.System
	tree      atomic.Pointer[actors.System] // the same, for those who may ask before there is one
	config    atomic.Pointer[spec.Config]   // that says where news goes
	office    *notifier.Office
	host      string                             // our name, in news
	resolve   func(spec.Sink) (spec.Sink, error) // puts secrets in
	server    *control.Server
	reloads   chan struct{} // by HUP
	manager   manager
	stopping  atomic.Bool
	answered  bool                    // a signal that ends us; by the main loop alone
	upgrade   *control.UpgradeOutcome // that the daemon before us has begun; nil if it has not
	handover  chan handover           // to another daemon, which goes on with everything
	replaced  chan struct{}           // nil, or closed when another keeper has been started or cannot be

	reloading sync.Mutex // held while a configuration is read and handed over
	complaint struct {
		sync.Mutex
		problems spec.Problems // of the configuration that was refused last; empty when it was accepted
	}
}

const (
	// spareThreads is how many threads a daemon has that it does not need as a rule, but may when files are slow.
	spareThreads = 12
	// spareProcessors is how many more the runtime has than the machine: each fork keeps one until its program is executed, and we are
	// to answer meanwhile.
	spareProcessors = 1
)

// Run is the life of a daemon. It returns its exit code when everything that it started is gone, or another daemon goes on
// with it; or an error, when it could not begin: ErrRunning, a *control.Refusal, or what went wrong.
func Run(options Options) (int, error) {
	d := &Daemon{
		options: options, place: control.Locate(options.Config), started: time.Now(), journal: newJournal(),
		reloads: make(chan struct{}, 1), handover: make(chan handover, 1),
	}
	d.log = d.journal
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + spareProcessors)
	keeper.MakeThreads(spareThreads)
	d.signals = listen()
	if options.Kept > 0 {
		k, err := meet(options.Kept, d.signals.incoming)
		if err != nil {
			return 0, err
		}
		d.kept, d.manager.link, d.upgrade = k, k.link, k.upgrade()
		d.signals.remember(k)
	}
	go d.signals.relay(d.kept)
	config, err := d.load()
	if err != nil {
		return 0, err
	}
	if _, err := actors.ResolveTargets(config, options.Targets, true); err != nil && d.kept.first() {
		return 0, err
	}
	if err := d.place.Prepare(); err != nil {
		return 0, fmt.Errorf("runtime directory: %w", err)
	}
	if d.lock, err = d.kept.acquire(heldLock, d.place.Lock); err != nil {
		return 0, running(err)
	}
	if d.kept.first() {
		if err := Elsewhere(d.options.Config); err != nil {
			d.lock.Release()
			return 0, err
		}
	}
	return d.own(config)
}

// load reads the configuration and shows what is to be said of it. A daemon that goes on for another has the one that was in
// force: whatever the file says now has not been asked for.
func (d *Daemon) load() (*spec.Config, error) {
	if !d.kept.first() {
		if config := d.reopenState(); config != nil {
			return config, nil
		}
	}
	config, problems := spec.Load(d.options.Config, d.loadOptions())
	if config == nil || problems.HasErrors() {
		if config := d.configLeft(); config != nil {
			return config, nil
		}
		return nil, &control.Refusal{Usage: true, Message: "the configuration has problems; nothing was started", Problems: problems}
	}
	if len(problems) > 0 {
		d.options.Problems(problems)
	}
	return config, nil
}

func (d *Daemon) loadOptions() spec.LoadOptions {
	return spec.LoadOptions{AllowUnsafe: d.options.AllowUnsafe, WorkingDirectory: d.options.WorkingDirectory}
}

func running(err error) error {
	if held := (*pidfile.HeldError)(nil); errors.As(err, &held) {
		return ErrRunning
	}
	return err
}

// own runs the daemon once nobody else can be it.
func (d *Daemon) own(config *spec.Config) (int, error) {
	release := func(f *pidfile.File) {
		if f != nil {
			f.Release()
		}
	}
	left := false // everything was left to another daemon
	defer func() {
		if !left {
			release(d.pidfile)
			release(d.lock)
		}
	}()
	number, err := d.kept.acquire(heldPidfile, config.Pidfile)
	if held := (*pidfile.HeldError)(nil); errors.As(err, &held) {
		return 0, &control.Refusal{
			Message: fmt.Sprintf("the pid file %s is held by process %d", held.Path, held.Pid),
			Hint:    "another configuration uses the same pid file, or another user runs this one: phorever status as that user tells",
		}
	} else if err != nil {
		return 0, fmt.Errorf("pid file: %w", err)
	}
	d.pidfile = number
	if err := d.journal.toFile(config); err != nil {
		return 0, &control.Refusal{Message: "the daemon's log: " + err.Error(), Hint: "logging.directory must be writable"}
	}
	defer d.journal.close()
	if d.options.Terminal != nil {
		d.journal.toTerminal(d.options.Terminal, config.Logging.Format)
	}
	if err := d.keepCrashes(config); err != nil {
		d.log.Warnf("no crash of the daemon itself would be kept: %v", err)
	}
	d.openState(config)
	if d.kept.first() && d.options.Terminal == nil { // on a terminal it is read in the log
		for _, sentence := range d.stateSays {
			d.options.Problems(spec.Problems{{File: d.options.Config, Severity: spec.SeverityWarning, Path: "state_directory", Message: sentence}})
		}
	}
	was := d.before(config)
	d.stopping.Store(was.stopping != "") // before anybody can ask
	memory := newMemory()
	options := d.treeOptions(was, memory)
	d.config.Store(was.config)
	d.openOffice(was, options.Environ)
	options.Sinks = []notifier.Sink{d.office}
	if d.system, err = actors.Start(was.config, options); err != nil {
		d.log.Errorf("this daemon cannot begin: %v", err) // nobody may see what it prints
		memory.stop()
		d.closeOffice()
		return 0, err
	}
	d.tree.Store(d.system)
	d.server, err = control.Serve(d.place, d.system, d, d.log, memory.used, d.kept.listener())
	if err != nil {
		d.Shutdown("no control socket")
		<-d.system.Done()
		d.closeOffice()
		return 0, err
	}
	d.introduce(was)
	go d.begin(memory, config, was)
	left = d.loop(config.SampleEvery)
	memory.stop()
	if left {
		return 0, nil
	}
	d.closeOffice()
	d.state.Close(true)
	d.leaveShelter()
	d.server.Close()
	if d.kept != nil {
		d.kept.link.Bye(d.system.ExitCode())
		d.dismissKeeper()
	}
	return d.system.ExitCode(), nil
}

// begin starts what was asked for, and tells whoever waits how that went.
func (d *Daemon) begin(memory *memory, config *spec.Config, was past) {
	var report actors.Report
	var err error
	if was.config != config { // what runs was started by another configuration
		if _, err := d.system.Apply(context.Background(), actors.ApplyOrder{Config: config}, func() { d.saveConfig(config); d.follow(config) }); err != nil && !d.stopping.Load() {
			d.log.Errorf("reload: %v", err)
		}
	}
	if d.kept.first() && d.options.Leftovers == LeftoversJoin {
		report, err = d.system.StartProcesses(context.Background(), actors.StartOrder{Targets: d.options.Targets, Wait: d.options.Wait})
	}
	if err != nil && !d.stopping.Load() {
		d.log.Errorf("start: %v", err)
	}
	if d.options.Terminal != nil || err != nil {
		for _, o := range report.Outcomes {
			if !o.OK {
				d.log.Warnf("%s %s", o.ID, o.Problem)
			}
		}
	}
	if !d.stopping.Load() {
		d.manager.ready()
	}
	if d.options.Detached && d.kept != nil {
		d.kept.link.Detach()
	}
	d.options.Ready(report)
	memory.started()
}

// loop turns signals and timers into orders until everything has ended, or was left to another daemon.
func (d *Daemon) loop(sampleEvery time.Duration) (left bool) {
	keep := time.NewTicker(keepLockEvery)
	defer keep.Stop()
	sample := time.NewTicker(max(sampleEvery, time.Second))
	defer sample.Stop()
	reloaded := make(chan struct{})
	go d.reloadBySignal(reloaded)
	defer func() { close(d.reloads); <-reloaded }()
	troubled := false
	asked, bereft := d.kept.channels()
	for {
		select {
		case w := <-d.signals.incoming:
			d.handle(w)
		case <-keep.C:
			err := d.restoreLocks()
			if err != nil && !troubled {
				d.log.Errorf("the lock is gone and cannot be put back: %v", err)
			}
			troubled = err != nil
		case <-sample.C:
			go d.system.Sample()
		case <-asked:
			go d.beat()
		case <-bereft:
			bereft, d.replaced = nil, make(chan struct{})
			go d.replaceKeeper()
		case h := <-d.handover:
			d.leave(h)
			return true
		case <-d.system.Done():
			return false
		}
	}
}

// Shutdown stops every process, then the daemon. It returns at once; a second one changes nothing.
func (d *Daemon) Shutdown(reason string) {
	if d.stopping.CompareAndSwap(false, true) {
		d.manager.stopping()
		d.saveStopping(reason)
		d.system.Shutdown(reason)
	}
}

// Status is the daemon's own part of the status.
func (d *Daemon) Status() control.DaemonStatus {
	config, applied := d.system.Config()
	status := control.DaemonStatus{
		Pid: os.Getpid(), Version: d.options.Version, StartedAt: d.started.In(config.Timezone), Config: config.Path,
		ConfigAppliedAt: applied.In(config.Timezone), Roles: d.system.ActiveRoles(), Stopping: d.stopping.Load(),
		StateDirectory: d.stateIn, Timezone: config.Timezone.String(), Notify: d.office.State(), Silences: d.office.Silences(), Upgrade: d.outcome(),
	}
	if d.kept != nil {
		keeper := d.kept.pid()
		status.KeeperPid = &keeper
	}
	if problems := d.problems(); len(problems) > 0 {
		first := problems.Errors()[0].String()
		status.ConfigError, status.ConfigProblems = &first, problems
	}
	if len(d.stateSays) > 0 {
		status.StateError = &d.stateSays[0]
	}
	return status
}
