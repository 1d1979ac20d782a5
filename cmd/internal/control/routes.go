package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// System is what the door needs of the tree.
type System interface {
	StartProcesses(context.Context, actors.StartOrder) (actors.Report, error)
	StopProcesses(context.Context, actors.StopOrder) (actors.Report, error)
	RestartProcesses(context.Context, actors.RestartOrder) (actors.Report, error)
	ScaleProcesses(context.Context, actors.ScaleOrder) (actors.Report, error)
	SignalProcesses(context.Context, actors.SignalOrder) (actors.Report, error)
	PauseProcesses(context.Context, actors.PauseOrder) (actors.Report, error)
	ResumeProcesses(context.Context, actors.ResumeOrder) (actors.Report, error)
	ResetProcesses(context.Context, actors.ResetOrder) (actors.Report, error)
	Status() []actors.ProcessStatus
	Roles() []actors.RoleStatus
	Resolve([]actors.Target) ([]spec.CloneID, error)
	Config() (*spec.Config, time.Time)
	Events() []event.Record
	Subscribe(func(event.Record, int)) func()
	ReopenLogs()
}

// Daemon is what the door needs of the rest of the daemon.
type Daemon interface {
	Status() DaemonStatus
	Reload(ctx context.Context, wait time.Duration) (actors.Report, error)
	Plan() (PlanReply, error)
	Shutdown(reason string)
	Upgrade() (UpgradeReply, error)
	TestNews(ctx context.Context, sinks []string) ([]actors.NewsTried, error)
	News() NewsReply
	RetryNews(sinks []string) (int, error)
	Silence(target actors.Target, length time.Duration) (actors.NewsSilence, error)
}

// sinksOrder names destinations of news; none means all.
type sinksOrder struct {
	Sinks []string `json:"sinks"`
}

// silenceOrder is what is not told of, and for how long: 0 ends it.
type silenceOrder struct {
	Target actors.Target `json:"target"`
	Length time.Duration `json:"length"`
}

// reloadOrder is what a reload says beside its route.
type reloadOrder struct {
	Wait time.Duration `json:"wait"`
}

// targetsOrder names what a question is about.
type targetsOrder struct {
	Targets []string `json:"targets"`
	All     bool     `json:"all"`
	Follow  bool     `json:"follow"`
}

// routes is the one table of what can be asked for. Streams end when closed is closed.
func routes(system System, daemon Daemon, closed <-chan struct{}) http.Handler {
	door := &door{system, daemon, closed}
	table := map[string]http.HandlerFunc{
		"/status":   asked(door.status),
		"/roles":    asked(func(context.Context, targetsOrder) ([]actors.RoleStatus, error) { return system.Roles(), nil }),
		"/why":      asked(door.why),
		"/events":   door.events,
		"/start":    asked(system.StartProcesses),
		"/stop":     asked(system.StopProcesses),
		"/restart":  asked(system.RestartProcesses),
		"/scale":    asked(system.ScaleProcesses),
		"/signal":   asked(system.SignalProcesses),
		"/pause":    asked(system.PauseProcesses),
		"/resume":   asked(system.ResumeProcesses),
		"/reset":    asked(system.ResetProcesses),
		"/reload":   asked(func(ctx context.Context, o reloadOrder) (actors.Report, error) { return daemon.Reload(ctx, o.Wait) }),
		"/plan":     asked(func(context.Context, targetsOrder) (PlanReply, error) { return daemon.Plan() }),
		"/reopen":   asked(door.reopen),
		"/upgrade":  asked(func(context.Context, targetsOrder) (UpgradeReply, error) { return daemon.Upgrade() }),
		"/shutdown": asked(door.shutdown),

		"/notify/test": asked(func(ctx context.Context, o sinksOrder) (SamplesReply, error) {
			tried, err := daemon.TestNews(ctx, o.Sinks)
			return SamplesReply{tried}, err
		}),
		"/notify/list": asked(func(context.Context, sinksOrder) (NewsReply, error) { return daemon.News(), nil }),
		"/notify/retry": asked(func(_ context.Context, o sinksOrder) (RetryReply, error) {
			n, err := daemon.RetryNews(o.Sinks)
			return RetryReply{n}, err
		}),
		"/silence": asked(func(_ context.Context, o silenceOrder) (actors.NewsSilence, error) {
			return daemon.Silence(o.Target, o.Length)
		}),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler := table[r.URL.Path]
		switch {
		case handler == nil:
			refuseAs(w, http.StatusNotFound, &Refusal{
				Usage: true, Message: fmt.Sprintf("this daemon knows no %q", r.URL.Path), Hint: "it may be of another version than this client",
			})
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			refuseAs(w, http.StatusMethodNotAllowed, &Refusal{Usage: true, Message: fmt.Sprintf("%s takes only POST", r.URL.Path)})
		default:
			handler(w, r)
		}
	})
}

type door struct {
	system System
	daemon Daemon
	closed <-chan struct{}
}

// asked makes a route of a function: its order comes as JSON, its answer or its refusal goes as JSON.
func asked[Order, Answer any](answer func(context.Context, Order) (Answer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var order Order
		if !understood(w, r, &order) {
			return
		}
		result, err := answer(r.Context(), order)
		if err != nil {
			refuse(w, refusalOf(err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(result) // the client has left: the order stands
	}
}

func understood(w http.ResponseWriter, r *http.Request, order any) bool {
	err := json.NewDecoder(r.Body).Decode(order)
	if err != nil {
		refuse(w, &Refusal{Usage: true, Message: fmt.Sprintf("this client and the daemon do not understand each other: %v", err)})
	}
	return err == nil
}

func refusalOf(err error) *Refusal {
	var refusal *Refusal
	var unknown *actors.UnknownTarget
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &unknown):
		return &Refusal{Usage: true, Message: unknown.Message, Hint: unknown.Hint}
	}
	return &Refusal{Message: err.Error()}
}

func refuse(w http.ResponseWriter, refusal *Refusal) {
	refuseAs(w, http.StatusUnprocessableEntity, refusal)
}

func refuseAs(w http.ResponseWriter, status int, refusal *Refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(refusal)
}

func (d *door) status(_ context.Context, order targetsOrder) (StatusReply, error) {
	reply := StatusReply{Daemon: d.daemon.Status(), Processes: []actors.ProcessStatus{}}
	var among map[spec.CloneID]bool
	if len(order.Targets) > 0 {
		ids, err := d.system.Resolve(targets(order.Targets))
		if err != nil {
			return reply, err
		}
		among = make(map[spec.CloneID]bool, len(ids))
		for _, id := range ids {
			among[id] = true
		}
	}
	for _, p := range d.system.Status() {
		if among == nil && (p.Listed || order.All) || among[p.ID] {
			reply.Processes = append(reply.Processes, p)
		}
	}
	return reply, nil
}

// tailLines is how many last lines a story holds of each stream.
const tailLines = 10

func (d *door) why(ctx context.Context, order targetsOrder) (WhyReply, error) {
	order.All = true
	status, err := d.status(ctx, order)
	if err != nil {
		return WhyReply{}, err
	}
	reply := WhyReply{Processes: []Story{}}
	events := d.system.Events()
	for _, p := range status.Processes {
		story := Story{Status: p, Events: []event.Record{}}
		for _, e := range events {
			if e.Process == p.ID {
				story.Events = append(story.Events, d.local(e))
			}
		}
		story.Stdout, story.Stderr = lastLines(p.StdoutFile), lastLines(p.StderrFile)
		if p.StderrFile == p.StdoutFile {
			story.Stderr = nil
		}
		reply.Processes = append(reply.Processes, story)
	}
	return reply, nil
}

func lastLines(path string) []string {
	if path == "" || strings.Contains(path, "%") {
		return nil
	}
	lines, err := actors.LastLines(path, tailLines)
	if err != nil {
		return []string{"(" + err.Error() + ")"}
	}
	return lines
}

func (d *door) reopen(context.Context, targetsOrder) (struct{}, error) {
	d.system.ReopenLogs()
	return struct{}{}, nil
}

func (d *door) shutdown(context.Context, targetsOrder) (struct{}, error) {
	d.daemon.Shutdown("stopped by an order")
	return struct{}{}, nil
}

func targets(words []string) []actors.Target {
	all := make([]actors.Target, len(words))
	for i, word := range words {
		all[i] = actors.Target(word)
	}
	return all
}
