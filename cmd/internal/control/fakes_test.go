package control

import (
	"context"
	"sync"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// fakeSystem remembers the orders it gets. Without a do it reports one outcome for each.
type fakeSystem struct {
	do     func(ctx context.Context, order any) (actors.Report, error)
	status []actors.ProcessStatus
	roles  []actors.RoleStatus
	events []event.Record
	config *spec.Config
	// resolve answers for targets; nil knows none.
	resolve func([]actors.Target) ([]spec.CloneID, error)
	// queue is how many events wait for a slow subscriber before the oldest is lost; 0 hands them over at once.
	queue int

	mu          sync.Mutex
	orders      []any
	reopened    int
	subscribers map[*subscriber]bool
	subscribed  chan struct{} // told of each subscriber, when there is one
}

func (s *fakeSystem) order(ctx context.Context, order any) (actors.Report, error) {
	s.mu.Lock()
	s.orders = append(s.orders, order)
	s.mu.Unlock()
	if s.do != nil {
		return s.do(ctx, order)
	}
	return actors.Report{Outcomes: []actors.Outcome{{ID: "web:1", Did: "started", OK: true, State: event.Running, Pid: 7}}}, nil
}

func (s *fakeSystem) received() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]any(nil), s.orders...)
}

func (s *fakeSystem) StartProcesses(ctx context.Context, o actors.StartOrder) (actors.Report, error) {
	return s.order(ctx, o)
}

func (s *fakeSystem) StopProcesses(ctx context.Context, o actors.StopOrder) (actors.Report, error) {
	return s.order(ctx, o)
}

func (s *fakeSystem) RestartProcesses(ctx context.Context, o actors.RestartOrder) (actors.Report, error) {
	return s.order(ctx, o)
}

func (s *fakeSystem) ScaleProcesses(ctx context.Context, o actors.ScaleOrder) (actors.Report, error) {
	return s.order(ctx, o)
}

func (s *fakeSystem) SignalProcesses(ctx context.Context, o actors.SignalOrder) (actors.Report, error) {
	return s.order(ctx, o)
}

func (s *fakeSystem) PauseProcesses(ctx context.Context, o actors.PauseOrder) (actors.Report, error) {
	return s.order(ctx, o)
}

func (s *fakeSystem) ResumeProcesses(ctx context.Context, o actors.ResumeOrder) (actors.Report, error) {
	return s.order(ctx, o)
}

func (s *fakeSystem) ResetProcesses(ctx context.Context, o actors.ResetOrder) (actors.Report, error) {
	return s.order(ctx, o)
}

func (s *fakeSystem) Status() []actors.ProcessStatus { return s.status }
func (s *fakeSystem) Roles() []actors.RoleStatus     { return s.roles }
func (s *fakeSystem) Events() []event.Record         { return s.events }

func (s *fakeSystem) Resolve(targets []actors.Target) ([]spec.CloneID, error) {
	if s.resolve == nil {
		return nil, &actors.UnknownTarget{Message: "no process is called " + string(targets[0]), Hint: "did you mean web?"}
	}
	return s.resolve(targets)
}

func (s *fakeSystem) Config() (*spec.Config, time.Time) { return s.config, time.Time{} }

func (s *fakeSystem) ReopenLogs() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reopened++
}

// subscriber hands events to f from a goroutine of its own, behind a bounded queue, as the real system does.
type subscriber struct {
	f       func(event.Record, int)
	mu      sync.Mutex
	waiting []event.Record
	missed  int
	wake    chan struct{}
	end     chan struct{}
}

func (s *subscriber) run() {
	for {
		s.mu.Lock()
		var next []event.Record
		missed := s.missed
		if len(s.waiting) > 0 {
			next, s.waiting, s.missed = s.waiting[:1:1], s.waiting[1:], 0
		}
		s.mu.Unlock()
		if next != nil {
			s.f(next[0], missed)
			continue
		}
		select {
		case <-s.wake:
		case <-s.end:
			return
		}
	}
}

func (s *fakeSystem) Subscribe(f func(event.Record, int)) (cancel func()) {
	sub := &subscriber{f: f, wake: make(chan struct{}, 1), end: make(chan struct{})}
	s.mu.Lock()
	if s.subscribers == nil {
		s.subscribers = map[*subscriber]bool{}
	}
	s.subscribers[sub] = true
	s.mu.Unlock()
	if s.queue > 0 {
		go sub.run()
	}
	if s.subscribed != nil {
		s.subscribed <- struct{}{}
	}
	return func() {
		close(sub.end)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subscribers, sub)
	}
}

func (s *fakeSystem) followers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.subscribers)
}

func (s *fakeSystem) publish(e event.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subscribers {
		if s.queue == 0 {
			sub.f(e, 0)
			continue
		}
		sub.mu.Lock()
		if sub.waiting = append(sub.waiting, e); len(sub.waiting) > s.queue {
			sub.waiting = sub.waiting[1:]
			sub.missed++
		}
		sub.mu.Unlock()
		select {
		case sub.wake <- struct{}{}:
		default:
		}
	}
}

// fakeDaemon answers what it is told to answer.
type fakeDaemon struct {
	status   DaemonStatus
	reload   func(ctx context.Context, wait time.Duration) (actors.Report, error)
	plan     func() (PlanReply, error)
	shutdown func(reason string)
}

func (d *fakeDaemon) Status() DaemonStatus { return d.status }

func (d *fakeDaemon) Reload(ctx context.Context, wait time.Duration) (actors.Report, error) {
	return d.reload(ctx, wait)
}

func (*fakeDaemon) Upgrade() (UpgradeReply, error) { return UpgradeReply{}, nil }

func (*fakeDaemon) TestNews(context.Context, []string) ([]actors.NewsTried, error) { return nil, nil }

func (*fakeDaemon) News() NewsReply { return NewsReply{} }

func (*fakeDaemon) RetryNews([]string) (int, error) { return 0, nil }

func (*fakeDaemon) Silence(actors.Target, time.Duration) (actors.NewsSilence, error) {
	return actors.NewsSilence{}, nil
}

func (d *fakeDaemon) Plan() (PlanReply, error) { return d.plan() }
func (d *fakeDaemon) Shutdown(reason string)   { d.shutdown(reason) }
