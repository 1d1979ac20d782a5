package actors

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/notifier"
	"github.com/dcousineau/phorever/spec"
)

// hooksActor runs the commands of "hooks": each hook one after another, in the order of its events, and as runs of the table, so
// that their trees end with them. It never waits for one. What waits for its turn when the daemon is killed is not run; a command that runs
// then is ended by the next daemon.

const (
	// mostHooked is how many events may wait for one hook before the oldest are lost.
	mostHooked = 100
	// lastHooks is how long the end of the daemon waits for hooks.
	lastHooks = 5 * time.Second
	// hookSink begins the name by which the failures of hooks are told. No hook hears of them: two would call each other without end.
	hookSink = "hook "
)

// configureHooks gives the actor its hooks.
type configureHooks struct{ Config *spec.Config }

// Notes of the actor to itself.
type (
	hookLate   struct{ Run child.RunID }
	hooksFinal struct{}
)

// hook is one command and what waits for it.
type hook struct {
	spec.Hook
	helper
	number string
	queue  *backlog
	late   bool
	timer  *time.Timer
}

func (o *hook) sink() string { return hookSink + o.number }

type hooksActor struct {
	helpers[*hook]
	config *spec.Config
	hooks  []*hook
	ending bool
}

func (h *hooksActor) Receive(ctx actor.Context) {
	defer h.house.reportPanic(ctx)
	switch msg := ctx.Message().(type) {
	case event.Record:
		h.hear(ctx, msg)
	case configureHooks:
		h.configure(msg)
	case hookLate:
		h.late(ctx, msg)
	case hooksFinal:
		h.final(ctx)
	case runOver:
		h.over(ctx, msg.End)
	case caughtUp: // everything else has ended
		h.finish(ctx, msg.Reply)
	case runSpawned, runStuck, runMainGone:
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting, *actor.Terminated:
	default:
		h.house.unexpected(ctx)
	}
}

// HandleFailure makes the actor the supervisor of its runs.
func (h *hooksActor) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, who *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	if end, ok := endOfRun(supervisor, who, reason); ok {
		h.over(supervisor.(actor.Context), end)
	}
}

// configure takes new hooks. One that has not changed keeps what waits for it; of one that is gone only the command at hand goes on.
func (h *hooksActor) configure(msg configureHooks) {
	before := h.hooks
	h.config, h.hooks = msg.Config, nil
	for i, one := range msg.Config.Hooks {
		if i < len(before) && reflect.DeepEqual(before[i].Hook, one) {
			h.hooks = append(h.hooks, before[i])
			continue
		}
		h.hooks = append(h.hooks, &hook{Hook: one, number: strconv.Itoa(i + 1), queue: newBacklog(mostHooked)})
	}
	for i, old := range before {
		if i >= len(h.hooks) || h.hooks[i] != old {
			old.queue.forget()
		}
	}
}

func (h *hooksActor) hear(ctx actor.Context, r event.Record) {
	if h.ending || strings.HasPrefix(r.Sink, hookSink) {
		return
	}
	for _, one := range h.hooks {
		if !notifier.Selects(one.On, one.Roles, one.Processes, r) {
			continue
		}
		one.queue.put(r)
		h.next(ctx, one)
	}
}

// next starts what waits for a hook that does not run.
func (h *hooksActor) next(ctx actor.Context, one *hook) {
	r, waits := one.queue.first()
	if one.actor != nil || !waits {
		return
	}
	one.queue.done(r.ID)
	if n := one.queue.lost(); n > 0 {
		h.house.log.Warnf("%s: %d events came faster than its command ends, and were not told", one.sink(), n)
	}
	one.late = false
	h.start(ctx, &one.helper, one, hookClone+one.number, func(child.RunID) child.Plan { return hookPlan(h.house, h.config, one.Hook, one.number, r) })
	one.timer = h.house.after(one.Timeout, ctx.Self(), hookLate{one.run})
}

// late ends a command that takes too long, with everything below it.
func (h *hooksActor) late(ctx actor.Context, msg hookLate) {
	if one := h.running[msg.Run.Run]; one != nil {
		one.late = true
		ctx.Send(one.actor, killRun{one.run.Run})
	}
}

// over takes note of an end, and goes on with what waits.
func (h *hooksActor) over(ctx actor.Context, end runEnd) {
	one := h.running[end.Run]
	if one == nil {
		return
	}
	one.timer.Stop()
	h.ended(ctx, &one.helper)
	exit := end.forPeople(end.At.Sub(end.Since), false)
	why := ""
	switch {
	case one.late:
		why = "it took longer than " + spec.FormatDuration(one.Timeout) + ", and was killed"
	case exit.Code == nil || *exit.Code != 0:
		why = exit.String() + " (logs/hooks.log may tell why)"
	}
	if why != "" {
		h.house.announce(event.NotificationFailed{Sink: one.sink(), Headline: one.Run.String(), Why: why, Final: true})
	}
	h.next(ctx, one)
	h.answer()
}

// finish lets what waits be carried out, but not for long, and answers when nothing of it runs.
func (h *hooksActor) finish(ctx actor.Context, reply chan<- struct{}) {
	h.ending, h.reply = true, reply
	h.house.after(lastHooks, ctx.Self(), hooksFinal{})
	h.answer()
}

func (h *hooksActor) final(ctx actor.Context) {
	for _, one := range h.hooks {
		one.queue.forget()
	}
	for _, one := range h.running {
		one.late = true
		ctx.Send(one.actor, killRun{one.run.Run})
	}
}

// hookPlan is how to run a command for an event.
func hookPlan(h *house, config *spec.Config, one spec.Hook, number string, r event.Record) child.Plan {
	process := &spec.Process{
		Name: "hook " + number, ID: "hook", Directory: config.Directory, Up: one.Run,
		Log: spec.ProcessLog{Forward: true, Stdout: "hooks.log", Stderr: "hooks.log", Rotate: config.Logging.Rotate, Prefix: true, Timestamps: true},
	}
	return child.Plan{
		Leftover: time.Second,
		Prepare: func(id child.RunID) (child.Launch, error) {
			launch, err := prepare(h, config, process, 1, "", 1)
			if err != nil {
				return launch, err
			}
			text, err := json.Marshal(r)
			if err != nil {
				return launch, err
			}
			launch.Command.Env = append(launch.Command.Env, variablesOf(r)...)
			launch.Stdin, err = child.InputFile(append(text, '\n'))
			return launch, err
		},
	}
}

// variablesOf are an event as environment variables.
func variablesOf(r event.Record) []string {
	all := []string{
		"PHOREVER_EVENT=" + r.Event, "PHOREVER_EVENT_ID=" + r.ID, "PHOREVER_EVENT_TIME=" + r.Time.Format(time.RFC3339Nano),
		"PHOREVER_EVENT_SEVERITY=" + string(r.Severity), "PHOREVER_EVENT_PROCESS=" + string(r.Process), "PHOREVER_EVENT_ROLE=" + r.Role,
		"PHOREVER_EVENT_RUN=" + strconv.Itoa(r.Run), "PHOREVER_EVENT_PID=" + strconv.Itoa(r.Pid), "PHOREVER_EVENT_MESSAGE=" + oneLine(r.Message),
	}
	if e := r.Exit; e != nil {
		all = append(all, "PHOREVER_EVENT_EXIT_CAUSE="+string(e.Cause))
		if e.Code != nil {
			all = append(all, "PHOREVER_EVENT_EXIT_CODE="+strconv.Itoa(*e.Code))
		}
		if e.Signal != nil {
			all = append(all, "PHOREVER_EVENT_EXIT_SIGNAL="+*e.Signal)
		}
	}
	return all
}

// oneLine is a text that a variable can hold.
func oneLine(text string) string { return strings.NewReplacer("\x00", "", "\n", " ").Replace(text) }
