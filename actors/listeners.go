package actors

import (
	"fmt"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/notifier"
	"github.com/dcousineau/phorever/spec"
)

// listenersActor keeps the programs of "listeners" alive and fed. They are runs of the table, so that their trees end with them; what
// waits for one waits through its restarts. When the daemon is killed the next one ends those that run, and starts them anew.

const (
	listenerSink = "listener "
	// listenerLeave and listenerKill are how long one may take to end after its input has ended, and after TERM.
	listenerLeave = time.Second
	listenerKill  = 5 * time.Second
	// longestListenerWait bounds the pause before a restart, and calmListener is how long one must live to begin anew with the first.
	longestListenerWait = time.Minute
	calmListener        = time.Minute
	tick                = 5 * time.Second
)

// configureListeners gives the actor its listeners.
type configureListeners struct{ Config *spec.Config }

// Notes of the actor to itself.
type (
	listenerDue  struct{ Name string }
	listenerHung struct {
		Run child.RunID
		Why string
	}
	listenerPress struct {
		Run  child.RunID
		Kill bool
	}
	listenerTick  struct{}
	listenerDrain struct{ Try int }
)

// listener is one program and what waits for it.
type listener struct {
	spec.Listener
	helper
	queue    *backlog
	feed     *feed
	since    time.Time
	failures int
	why      string // it is being killed
	leaving  bool   // it is not started again
}

type listenersActor struct {
	helpers[*listener]
	config    *spec.Config
	listeners map[string]*listener
	ticks     int
	ticking   *time.Timer
	ending    bool
}

func (l *listenersActor) Receive(ctx actor.Context) {
	defer l.house.reportPanic(ctx)
	switch msg := ctx.Message().(type) {
	case event.Record:
		l.hear(msg)
	case configureListeners:
		l.configure(ctx, msg)
	case listenerDue:
		l.due(ctx, msg)
	case listenerHung:
		l.hung(ctx, msg)
	case listenerPress:
		l.press(ctx, msg)
	case listenerTick:
		l.tick(ctx)
	case listenerDrain:
		l.drain(ctx, msg)
	case runOver:
		l.over(ctx, msg.End)
	case caughtUp: // everything else has ended
		l.finish(ctx, msg.Reply)
	case runSpawned, runStuck, runMainGone:
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting, *actor.Terminated:
	default:
		l.house.unexpected(ctx)
	}
}

// HandleFailure makes the actor the supervisor of its runs.
func (l *listenersActor) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, who *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	if end, ok := endOfRun(supervisor, who, reason); ok {
		l.over(supervisor.(actor.Context), end)
	}
}

// configure takes new listeners. One that has not changed goes on undisturbed.
func (l *listenersActor) configure(ctx actor.Context, msg configureListeners) {
	before := l.listeners
	l.config, l.listeners = msg.Config, map[string]*listener{}
	for _, one := range msg.Config.Listeners {
		if old := before[one.Name]; old != nil && reflect.DeepEqual(old.Listener, one) {
			l.listeners[one.Name] = old
			delete(before, one.Name)
			continue
		}
		fresh := &listener{Listener: one, queue: newBacklog(mostFed)}
		l.listeners[one.Name] = fresh
		l.begin(ctx, fresh)
	}
	for _, old := range before {
		l.leave(ctx, old)
	}
	if l.ticking == nil && len(l.listeners) > 0 {
		l.ticking = l.house.after(tick, ctx.Self(), listenerTick{})
	}
}

func (l *listenersActor) hear(r event.Record) {
	if l.ending || strings.HasPrefix(r.Sink, listenerSink) {
		return
	}
	for _, one := range l.listeners {
		if notifier.Selects(one.On, one.Roles, one.Processes, r) {
			one.queue.put(r)
		}
	}
}

// tick tells those who asked for it how time passes, as supervisord does.
func (l *listenersActor) tick(ctx actor.Context) {
	l.ticking = nil
	if len(l.listeners) == 0 || l.ending {
		return
	}
	l.ticking = l.house.after(tick, ctx.Self(), listenerTick{})
	l.ticks++
	for _, every := range []int{5, 60, 3600} {
		if l.ticks*int(tick/time.Second)%every != 0 {
			continue
		}
		name := fmt.Sprintf("tick.%d", every)
		for _, one := range l.listeners {
			for _, selector := range one.On {
				if selector.Pattern == name {
					one.queue.put(event.Record{V: 1, ID: fmt.Sprintf("%s#%d", name, l.ticks), Time: l.house.now(), Event: name, Severity: event.Info})
				}
			}
		}
	}
}

func (l *listenersActor) begin(ctx actor.Context, one *listener) {
	self, root := ctx.Self(), ctx.ActorSystem().Root
	one.why, one.since = "", l.house.now()
	l.start(ctx, &one.helper, one, listenerClone+spec.MachineName(one.Name), func(id child.RunID) child.Plan {
		one.feed = newFeed(one.queue, notifier.NewTalk(one.Protocol, one.Name), func(why string) { root.Send(self, listenerHung{id, why}) })
		return listenerPlan(l.house, l.config, one.Listener, one.feed)
	})
}

func (l *listenersActor) due(ctx actor.Context, msg listenerDue) {
	if one := l.listeners[msg.Name]; one != nil && one.actor == nil && !l.ending {
		l.begin(ctx, one)
	}
}

// hung kills one that does not keep to its protocol, with everything below it.
func (l *listenersActor) hung(ctx actor.Context, msg listenerHung) {
	if one := l.running[msg.Run.Run]; one != nil && !one.leaving {
		one.why = msg.Why
		ctx.Send(one.actor, killRun{msg.Run.Run})
	}
}

// leave ends one for good: its input ends, then it gets TERM, and KILL.
func (l *listenersActor) leave(ctx actor.Context, one *listener) {
	one.leaving = true
	if one.actor == nil {
		return
	}
	one.feed.close()
	l.house.after(listenerLeave, ctx.Self(), listenerPress{one.run, false})
	l.house.after(listenerLeave+listenerKill, ctx.Self(), listenerPress{one.run, true})
}

func (l *listenersActor) press(ctx actor.Context, msg listenerPress) {
	one := l.running[msg.Run.Run]
	switch {
	case one == nil:
	case msg.Kill:
		ctx.Send(one.actor, killRun{msg.Run.Run})
	default:
		ctx.Send(one.actor, stopRun{Run: msg.Run.Run, Signal: syscall.SIGTERM, Scope: child.Tree})
	}
}

// over takes note of an end, and starts it again when it is due.
func (l *listenersActor) over(ctx actor.Context, end runEnd) {
	one := l.running[end.Run]
	if one == nil {
		return
	}
	one.feed.close()
	l.ended(ctx, &one.helper)
	if n := one.queue.lost(); n > 0 {
		l.house.log.Warnf("%s%s: %d events came faster than it takes them, and were lost to it", listenerSink, one.Name, n)
	}
	if one.leaving {
		l.answer()
		return
	}
	if end.At.Sub(one.since) >= calmListener {
		one.failures = 0
	}
	why := one.why
	if why == "" {
		exit := end.forPeople(end.At.Sub(one.since), false)
		why = exit.Story()
	}
	wait := min(time.Second<<min(one.failures, 10), longestListenerWait)
	if one.failures++; one.failures == 1 {
		l.house.announce(event.NotificationFailed{Sink: listenerSink + one.Name, Headline: "its events", Why: why})
	} else {
		l.house.log.Warnf("%s%s: %s; started again in %s", listenerSink, one.Name, why, spec.FormatDuration(wait))
	}
	l.house.after(wait, ctx.Self(), listenerDue{one.Name})
}

// finish ends all, and answers when they have. What waits has a moment.
func (l *listenersActor) finish(ctx actor.Context, reply chan<- struct{}) {
	l.ending, l.reply = true, reply
	if l.ticking != nil {
		l.ticking.Stop()
	}
	l.drain(ctx, listenerDrain{})
}

// drain ends all when nothing waits any more, or for too long.
func (l *listenersActor) drain(ctx actor.Context, msg listenerDrain) {
	for _, one := range l.listeners {
		if one.actor != nil && !one.queue.empty() && msg.Try < 20 {
			l.house.after(50*time.Millisecond, ctx.Self(), listenerDrain{msg.Try + 1})
			return
		}
	}
	for name, one := range l.listeners {
		l.leave(ctx, one)
		delete(l.listeners, name)
	}
	l.answer()
}

// listenerPlan is how to start a listener, with pipes for what it reads, and for what it says where the protocol asks it.
func listenerPlan(h *house, config *spec.Config, one spec.Listener, f *feed) child.Plan {
	log := "listener_" + spec.MachineName(one.Name)
	process := &spec.Process{
		Name: one.Name, ID: "listener", Directory: config.Directory, Up: one.Up,
		Log: spec.ProcessLog{Forward: true, Stdout: log + ".log", Stderr: log + ".err", Rotate: config.Logging.Rotate},
	}
	return child.Plan{
		Leftover: time.Second,
		Prepare: func(child.RunID) (child.Launch, error) {
			launch, err := prepare(h, config, process, 1, "", 1)
			if err != nil {
				return launch, err
			}
			launch.Command.Env = append(launch.Command.Env, "SUPERVISOR_SERVER_URL=", "SUPERVISOR_PROCESS_NAME="+one.Name, "SUPERVISOR_GROUP_NAME="+one.Name)
			launch.Stdin, launch.RawStdout, err = f.open()
			if launch.RawStdout != nil {
				launch.Stdout = nil
			}
			return launch, err
		},
	}
}
