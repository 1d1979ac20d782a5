package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// noNews is the daemon of which nobody wants to hear anything.
const noNews = "no news"

// hanging is how many services do not answer where it is measured what that costs.
const hanging = 5

var newsMeasures = []measure{
	{"news-request", "one killed among FEW: until the request is at the service", "news-request", 0.5, "ms", "", 20, flat},
	{"news-request-p95", "the same, the slowest of twenty", "news-request", 0.95, "ms", "", noLimit, flat},
	{"news-hangs", fmt.Sprintf("one killed among FEW: until it runs again, while %d services hang", hanging), "news-hangs", 0.5, "ms", noNews, 1.1, times},
}

// service takes news by HTTP.
type service struct {
	server   *http.Server
	address  string
	requests chan request
	hang     chan struct{} // closed when those that hang may go; nil: it answers
}

// request is one that has come.
type request struct {
	at      time.Time
	process string
}

func newService(hangs bool) (*service, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &service{address: "http://" + listener.Addr().String() + "/", requests: make(chan request, 1024)}
	if hangs {
		s.hang = make(chan struct{})
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: patience}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

func (s *service) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	at := time.Now()
	if s.hang != nil {
		<-s.hang
		return
	}
	var told struct {
		Process string `json:"process"`
	}
	if text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20)); err == nil && json.Unmarshal(text, &told) == nil {
		s.requests <- request{at, told.Process}
	}
}

func (s *service) close() {
	if s.hang != nil {
		close(s.hang)
	}
	_ = s.server.Close()
}

// subscriber is the configuration of somebody who wants to hear of every end.
func (s *service) subscriber(name string) map[string]any {
	return map[string]any{"name": name, "webhook": map[string]any{"url": s.address}, "on": "process.exited", "limit": 1000}
}

// newsRequests measures how soon a service hears of a death. Each process dies once: what is one incident is told later.
func (b *bench) newsRequests(round int) error {
	if !b.wanted("news-request") {
		return nil
	}
	b.say(round, "news-request", ours)
	s, err := newService(false)
	if err != nil {
		return err
	}
	defer s.close()
	var works []map[string]any
	for i := range min(b.n, 100) {
		works = append(works, map[string]any{"name": fmt.Sprintf("work %d", i), "roles": []string{"work"}, "up": sleeper, "resurrect": "never", "stable_after": 0})
	}
	d, err := b.daemon(works...)
	if err != nil {
		return err
	}
	defer d.end()
	if err := d.tell(s.subscriber("service")); err != nil {
		return err
	}
	if _, err := d.start(); err != nil {
		return err
	}
	alive, err := d.status()
	if err != nil {
		return err
	}
	settle()
	for _, victim := range alive.Processes {
		if victim.Pid == 0 {
			continue // the parked one
		}
		begin := time.Now()
		if err := syscall.Kill(victim.Pid, syscall.SIGKILL); err != nil {
			return fmt.Errorf("kill %d: %w", victim.Pid, err)
		}
		select {
		case got := <-s.requests:
			if got.process != victim.ID {
				return fmt.Errorf("news of %s came, and %s was killed", got.process, victim.ID)
			}
			b.add("news-request", ours, milliseconds(got.at.Sub(begin)))
		case <-time.After(patience):
			return fmt.Errorf("nobody told that %s was killed", victim.ID)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

// newsHangs measures how fast a killed process comes back while services hang, and while there is none.
func (b *bench) newsHangs(round int) error {
	if !b.wanted("news-hangs") {
		return nil
	}
	for _, who := range inTurns(round, []string{ours, noNews}) {
		b.say(round, "news-hangs", who)
		if err := b.hangs(who); err != nil {
			return fmt.Errorf("news-hangs: %s: %w", who, err)
		}
	}
	return nil
}

func (b *bench) hangs(who string) error {
	n := min(b.n, 100)
	service, err := newService(true)
	if err != nil {
		return err
	}
	defer service.close()
	s, err := b.newSink(n)
	if err != nil {
		return err
	}
	defer s.close()
	d, err := b.daemon(b.comingBack(s, n))
	if err != nil {
		return err
	}
	defer d.end()
	if who == ours {
		var all []map[string]any
		for i := range hanging {
			all = append(all, service.subscriber(fmt.Sprintf("service %d", i)))
		}
		if err := d.tell(all...); err != nil {
			return err
		}
	}
	alive, err := b.born(d, s, n)
	if err != nil {
		return err
	}
	settle()
	return b.oneByOne(who, "news-hangs", s, alive)
}
