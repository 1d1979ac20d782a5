package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/cmd/internal/control"
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
	options  Options
	place    control.Place
	started  time.Time
	lock     *pidfile.File
	journal  *journal
	log      logrus.FieldLogger
	signals  *signals
	system   *actors.System
	reloads  chan struct{} // by HUP
	manager  manager
	stopping atomic.Bool
	answered bool // a signal that ends us; by the main loop alone

	reloading sync.Mutex // held while a configuration is read and handed over
	complaint struct {
		sync.Mutex
		problems spec.Problems // of the configuration that was refused last; empty when it was accepted
	}
}

// Run is the life of a daemon. It returns its exit code when everything that it started is gone; or an error, when it
// could not begin: ErrRunning, a *control.Refusal, or what went wrong.
func Run(options Options) (int, error) {
	d := &Daemon{
		options: options, place: control.Locate(options.Config), started: time.Now(),
		journal: newJournal(), signals: listen(), reloads: make(chan struct{}, 1),
	}
	d.log = d.journal
	config, err := d.load()
	if err != nil {
		return 0, err
	}
	if _, err := actors.ResolveTargets(config, options.Targets, true); err != nil {
		return 0, err
	}
	if err := d.place.Prepare(); err != nil {
		return 0, fmt.Errorf("runtime directory: %w", err)
	}
	if d.lock, err = pidfile.Acquire(d.place.Lock); err != nil {
		return 0, running(err)
	}
	defer func() { d.lock.Release() }()
	return d.own(config)
}

// load reads the configuration and shows what is to be said of it.
func (d *Daemon) load() (*spec.Config, error) {
	config, problems := spec.Load(d.options.Config, d.loadOptions())
	if config == nil || problems.HasErrors() {
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
	number, err := pidfile.Acquire(config.Pidfile)
	if held := (*pidfile.HeldError)(nil); errors.As(err, &held) {
		return 0, &control.Refusal{
			Message: fmt.Sprintf("the pid file %s is held by process %d", held.Path, held.Pid),
			Hint:    "another configuration uses the same pid file, or another user runs this one: phorever status as that user tells",
		}
	} else if err != nil {
		return 0, fmt.Errorf("pid file: %w", err)
	}
	defer number.Release()
	if err := d.journal.toFile(config); err != nil {
		return 0, &control.Refusal{Message: "the daemon's log: " + err.Error(), Hint: "logging.directory must be writable"}
	}
	defer d.journal.close()
	d.journal.zone.Store(config.Timezone)
	if d.options.Terminal != nil {
		d.journal.toTerminal(d.options.Terminal, config.Logging.Format)
	}
	if err := d.keepCrashes(config); err != nil {
		d.log.Warnf("no crash of the daemon itself would be kept: %v", err)
	}
	if d.system, err = actors.Start(config, actors.Options{Log: d.log, Self: self()}); err != nil {
		return 0, err
	}
	memory := newMemory()
	server, err := control.Serve(d.place, d.system, d, d.log, memory.used)
	if err != nil {
		d.Shutdown("no control socket")
		<-d.system.Done()
		return 0, err
	}
	d.system.Announce(event.DaemonStarted{Version: d.options.Version, Config: config.Path, Pid: os.Getpid()})
	go d.begin(memory)
	d.loop(config.SampleEvery)
	memory.stop()
	server.Close()
	return d.system.ExitCode(), nil
}

// begin starts what was asked for, and tells whoever waits how that went.
func (d *Daemon) begin(memory *memory) {
	report, err := d.system.StartProcesses(context.Background(), actors.StartOrder{Targets: d.options.Targets, Wait: d.options.Wait})
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
	d.options.Ready(report)
	memory.used()
}

// loop turns signals and timers into orders until everything has ended.
func (d *Daemon) loop(sampleEvery time.Duration) {
	keep := time.NewTicker(keepLockEvery)
	defer keep.Stop()
	sample := time.NewTicker(max(sampleEvery, time.Second))
	defer sample.Stop()
	reloaded := make(chan struct{})
	go d.reloadBySignal(reloaded)
	defer func() { close(d.reloads); <-reloaded }()
	troubled := false
	for {
		select {
		case s := <-d.signals.incoming:
			d.handle(s)
		case <-keep.C:
			err := d.lock.Restore()
			if err != nil && !troubled {
				d.log.Errorf("the lock is gone and cannot be put back: %v", err)
			}
			troubled = err != nil
		case <-sample.C:
			go d.system.Sample()
		case <-d.system.Done():
			return
		}
	}
}

// Shutdown stops every process, then the daemon. It returns at once; a second one changes nothing.
func (d *Daemon) Shutdown(reason string) {
	if d.stopping.CompareAndSwap(false, true) {
		d.manager.stopping()
		d.system.Shutdown(reason)
	}
}

// Status is the daemon's own part of the status.
func (d *Daemon) Status() control.DaemonStatus {
	config, applied := d.system.Config()
	status := control.DaemonStatus{
		Pid: os.Getpid(), Version: d.options.Version, StartedAt: d.started.In(config.Timezone), Config: config.Path,
		ConfigAppliedAt: applied.In(config.Timezone), Roles: d.system.ActiveRoles(), Stopping: d.stopping.Load(),
	}
	if problems := d.problems(); len(problems) > 0 {
		first := problems.Errors()[0].String()
		status.ConfigError, status.ConfigProblems = &first, problems
	}
	return status
}
