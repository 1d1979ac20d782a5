package actors

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/actors/keeper"
	"github.com/dcousineau/phorever/notifier"
	"github.com/dcousineau/phorever/spec"
)

// Options are what Start needs from the daemon.
type Options struct {
	Log     logrus.FieldLogger
	Self    string            // path of this binary, for the exec-child shim
	Environ []string          // of the children, before anything that the configuration adds; nil: ours
	Saving  Saving            // where it is written down what must outlive this daemon; nil: nowhere
	Saved   map[string][]byte // what an earlier one has written there
	Kept    *Kept             // nil without a keeper
	Sinks   []notifier.Sink   // that hear every event, from the first one on

	Stopping string // why everything that is taken back is ended, in order; "": it is not
}

// Kept is how the tree lives with a keeper.
type Kept struct {
	Link        *keeper.Link
	Inheritance keeper.Inheritance
	Life        keeper.Life
	Key         string   // of the configuration
	Directory   string   // for what must outlive this daemon and is of no use after the next boot; "" for none
	Index       string   // for the indexes of logs, "" for none
	Owner       int      // uid, of the configuration
	Clean       bool     // the daemon before has ended in order
	Container   bool     // the keeper is the first process of a container
	Words       *os.File // where the runtime says what this daemon dies of, nil for nowhere
	Starting    func()   // called for each start of a process; it must not block
}

// System is the running tree. Its methods are safe for concurrent use; those with a context return early, with its
// error, when it ends: the order then stands.
type System struct {
	house     *house
	root      *actor.PID
	observers []*actor.PID
	ended     chan struct{} // the tree
	done      chan struct{} // and everything that it used
	exit      int
	sinks     []*notifier.Queue
}

// mostMissed is how many events may wait for one subscriber.
const mostMissed = 16384

// Start builds the tree for a valid configuration; nothing runs yet. Each event is logged.
func Start(config *spec.Config, options Options) (*System, error) {
	forgets := options.Saving == nil
	if forgets {
		options.Saving = forgetful{}
	}
	if options.Environ == nil {
		options.Environ = spec.BaseEnvironment(os.Environ())
	}
	table, err := newTable(options)
	if err != nil {
		return nil, err
	}
	s := &System{ended: make(chan struct{}), done: make(chan struct{})}
	s.house = &house{
		system: newActorSystem(options.Log), table: table, log: options.Log, environ: options.Environ, self: options.Self, model: newModel(),
		saving: options.Saving, forgets: forgets, base: newClockBase(), first: os.Getpid() == 1 || options.Kept != nil && options.Kept.Container,
		sleep: time.AfterFunc, now: time.Now, chance: rand.Float64,
	}
	s.house.model.refusal = table.LogProblem
	if options.Kept != nil {
		s.house.index = options.Kept.Index
	}
	for _, sink := range append([]notifier.Sink{logSink{options.Log}}, options.Sinks...) {
		s.sinks = append(s.sinks, notifier.NewQueue(sink, mostMissed))
	}
	ready := make(chan []*actor.PID, 1)
	root := &rootActor{
		house: s.house, config: config, counts: countClones(config), intent: newIntent(), roles: map[string]*actor.PID{},
		slots: map[spec.CloneID]*slot{}, saved: options.Saved, stopping: options.Stopping, ready: ready, done: s.ended, exit: &s.exit, sinks: slices.Clone(s.sinks),
	}
	// The root keeps what it knows: a message that makes it panic is skipped.
	keep := actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.ResumeDirective })
	s.root, err = s.house.system.Root.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return root }, actor.WithGuardian(keep)), "phorever")
	if err != nil {
		table.Close()
		return nil, fmt.Errorf("start the tree: %w", err)
	}
	s.observers = <-ready
	if !s.house.model.whole() {
		options.Log.Error("internal fault: not every process that was taken back has said so; status may miss some for a while")
	}
	table.HearLogs(s.house.hearLogs)
	go s.end()
	return s, nil
}

func newTable(o Options) (*child.Table, error) {
	if o.Kept == nil || o.Kept.Directory == "" {
		return child.NewTable(child.Direct{})
	}
	return child.NewKeptTable(child.Kept{
		Link: o.Kept.Link, Inheritance: o.Kept.Inheritance, Life: o.Kept.Life, Key: o.Kept.Key, Directory: o.Kept.Directory, Index: o.Kept.Index, Owner: o.Kept.Owner,
		Saving: o.Saving, Saved: o.Saved, Clean: o.Kept.Clean, Unsaid: func(sentence string) { o.Log.Warnf("saved state: %s", sentence) },
		Words: o.Kept.Words, Starting: o.Kept.Starting,
	})
}

// end waits for the tree, then closes what it used.
func (s *System) end() {
	<-s.ended
	for _, sink := range s.sinks {
		sink.Close()
	}
	s.house.table.AwaitQuiet()
	ended, left := s.house.table.EndBare()
	if ended > 0 {
		s.house.log.Warnf("%d processes told nothing of where they came from and outlived everything: they were ended too", ended)
	}
	if left > 0 {
		s.house.log.Errorf("%d of them do not even obey KILL, and are left behind", left)
	}
	s.house.table.Close()
	close(s.done)
}

func newActorSystem(log logrus.FieldLogger) *actor.ActorSystem {
	return actor.NewActorSystem(actor.WithDeadLetterRequestLogging(false), actor.WithDeadLetterThrottleCount(0),
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(quieter{log}) }))
}

// StartProcesses carries out a StartOrder.
func (s *System) StartProcesses(ctx context.Context, order StartOrder) (Report, error) {
	reply := make(chan answer, 1)
	return s.carry(ctx, startProcesses{order, reply}, reply, order.Wait)
}

// StopProcesses carries out a StopOrder. It returns when the processes are gone.
func (s *System) StopProcesses(ctx context.Context, order StopOrder) (Report, error) {
	reply := make(chan answer, 1)
	return s.carry(ctx, stopProcesses{order, reply}, reply, 0)
}

// RestartProcesses carries out a RestartOrder.
func (s *System) RestartProcesses(ctx context.Context, order RestartOrder) (Report, error) {
	if order.Rolling {
		return s.roll(ctx, order)
	}
	reply := make(chan answer, 1)
	return s.carry(ctx, restartProcesses{order, reply}, reply, order.Wait)
}

// ScaleProcesses carries out a ScaleOrder.
func (s *System) ScaleProcesses(ctx context.Context, order ScaleOrder) (Report, error) {
	reply := make(chan answer, 1)
	return s.carry(ctx, scaleProcesses{order, reply}, reply, order.Wait)
}

// SignalProcesses carries out a SignalOrder.
func (s *System) SignalProcesses(ctx context.Context, order SignalOrder) (Report, error) {
	reply := make(chan answer, 1)
	return s.carry(ctx, signalProcesses{order, reply}, reply, 0)
}

// PauseProcesses carries out a PauseOrder.
func (s *System) PauseProcesses(ctx context.Context, order PauseOrder) (Report, error) {
	return s.input(ctx, order.Targets, pauseInput)
}

// ResumeProcesses carries out a ResumeOrder.
func (s *System) ResumeProcesses(ctx context.Context, order ResumeOrder) (Report, error) {
	return s.input(ctx, order.Targets, resumeInput)
}

// ResetProcesses carries out a ResetOrder.
func (s *System) ResetProcesses(ctx context.Context, order ResetOrder) (Report, error) {
	return s.input(ctx, order.Targets, resetInput)
}

// Apply carries out an ApplyOrder. The configuration must be valid. taken is called as soon as it is the current one,
// before anything is waited for: what is applied from then on comes after it.
func (s *System) Apply(ctx context.Context, order ApplyOrder, taken func()) (Report, error) {
	reply := make(chan answer, 1)
	given, err := s.order(ctx, applyConfig{order, reply}, reply)
	taken()
	if err != nil {
		return Report{}, err
	}
	return s.collect(ctx, given, order.Wait)
}

// Plan is what Apply would do.
func (s *System) Plan(config *spec.Config) []spec.Change {
	s.house.model.mu.RLock()
	defer s.house.model.mu.RUnlock()
	return calmed(spec.Diff(s.house.model.shape.Config, config), s.house.model.shape, config)
}

// Announce publishes a fact of the daemon's (config.rejected, daemon.started).
func (s *System) Announce(fact event.Fact) { s.house.announce(fact) }

// Status reads every process of the read-model, in the order of the configuration. It never asks an actor.
// Cost: about a microsecond a process, plus a fresh sample of cpu and memory where the last one is older than a second.
func (s *System) Status() []ProcessStatus { return s.house.model.status(s.house.now()) }

// Sample reads cpu and memory of every process, so that the next Status has something to compare with.
func (s *System) Sample() { s.house.model.sample(s.house.now(), 0) }

// Roles reads the roles of the configuration.
func (s *System) Roles() []RoleStatus { return s.house.model.roles() }

// Config is the configuration that is applied now, and when that was.
func (s *System) Config() (*spec.Config, time.Time) {
	s.house.model.mu.RLock()
	defer s.house.model.mu.RUnlock()
	return s.house.model.shape.Config, s.house.model.applied
}

// ActiveRoles are the names of the active roles, sorted.
func (s *System) ActiveRoles() []string {
	s.house.model.mu.RLock()
	defer s.house.model.mu.RUnlock()
	return s.house.model.shape.Active
}

// Resolve says which clones targets mean, or an *UnknownTarget.
func (s *System) Resolve(targets []Target) ([]spec.CloneID, error) {
	reply := make(chan answer, 1)
	s.house.system.Root.Send(s.root, resolveTargets{targets, reply})
	select {
	case given := <-reply:
		return given.ids, given.err
	case <-s.ended:
		return nil, errEnded
	}
}

// Events are the last events, oldest first, 1,000 at most.
func (s *System) Events() []event.Record { return s.house.model.events() }

// Subscribe calls f with each event from now on until cancel is called. f runs on a goroutine of its own behind a bounded
// queue; a slow f loses the oldest ones and is told how many in missed.
func (s *System) Subscribe(f func(record event.Record, missed int)) (cancel func()) {
	queue := notifier.NewQueue(sinkFunc(f), mostMissed)
	s.house.system.Root.Send(s.observers[1], addSink{queue})
	return func() {
		queue.Drop()
		s.house.system.Root.Send(s.observers[1], removeSink{queue})
	}
}

// ReopenLogs opens every log file anew, for logrotate.
func (s *System) ReopenLogs() { s.house.table.Reopen() }

// Shutdown stops every process, in order, then the tree. It returns at once; Done tells when nothing is left. A second
// call skips what is left of the stop timeouts.
func (s *System) Shutdown(reason string) {
	s.house.system.Root.Send(s.root, shutdown{Reason: reason})
}

// Done is closed when every process is gone and the tree has ended.
func (s *System) Done() <-chan struct{} { return s.done }

// ExitCode is the daemon's exit code, valid after Done: 0 after an ordered stop, 1 when an essential role was lost; as the
// first process of a container the code of the process that was lost, 128 + n for a signal.
func (s *System) ExitCode() int { return s.exit }

// LastLines reads the last n lines of a log file, oldest first. A file that does not exist has none.
func LastLines(path string, n int) ([]string, error) { return child.LastLines(path, n) }

// ExecChild is the hidden exec-child command: it never returns. main calls it before anything else.
func ExecChild(arguments []string) { child.ExecChild(arguments) }
