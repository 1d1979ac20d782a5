package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// told is what a webhook was told.
type told struct {
	ID       string    `json:"id"`
	Event    string    `json:"event"`
	Kind     string    `json:"kind"`
	Process  string    `json:"process"`
	Time     time.Time `json:"time"`
	Message  string    `json:"message_id"`
	Fresh    int       `json:"fresh"`
	GaveUp   []string  `json:"gave_up"`
	Delayed  float64   `json:"delayed_seconds"`
	LogTail  []string  `json:"log_tail"`
	received time.Time
}

// webhook is a service that can be away. It is always at the same place.
type webhook struct {
	t       *testing.T
	address string
	server  *httptest.Server

	mu   sync.Mutex
	got  []told
	hang bool
}

func newWebhook(t *testing.T) *webhook {
	t.Helper()
	w := &webhook{t: t, address: "127.0.0.1:0"}
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *webhook) open() {
	w.t.Helper()
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.address = listener.Addr().String()
	w.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: w}}
	w.server.Start()
}

func (w *webhook) close() {
	w.server.CloseClientConnections()
	w.server.Close()
}

func (w *webhook) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	now := time.Now()
	w.mu.Lock()
	hang := w.hang
	w.mu.Unlock()
	if hang {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		return
	}
	one := told{received: now}
	if err := json.NewDecoder(r.Body).Decode(&one); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, one)
}

func (w *webhook) all() []told {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.got)
}

// TestNewsOutlivesAnOutageAndAKill: what happens while a service is away, and while the daemon is killed, is told exactly once
// when it is back, in order and with its own time.
func TestNewsOutlivesAnOutageAndAKill(t *testing.T) {
	away := 3 * time.Second
	if long, err := time.ParseDuration(os.Getenv("PHOREVER_SOAK")); err == nil {
		away = min(long, 10*time.Minute)
	}
	w := newWebhook(t)
	p := newProject(t)
	p.configure(fmt.Sprintf(`{"notify": [{"name": "hook", "webhook": {"url": "http://%s/"}, "on": ["process.exited"], "window": "1s", "limit": 1000}],
		"defaults": {"resurrect": "never", "stable_after": "10ms", "autostart": false},
		"processes": [{"name": "one", "up": "exit 1"}, {"name": "two", "up": "exit 2"}, {"name": "three", "up": "exit 3"}, {"name": "four", "up": "exit 4"}, {"name": "keeps it", "up": "sleep 1000", "autostart": true}]}`, w.address))
	p.command(0, "start", "-d", "keeps it")
	p.command(-1, "start", "--wait=0s", "one")
	p.eventually("the first is told", func() bool { return len(w.all()) == 1 })
	w.close()
	p.command(-1, "start", "--wait=0s", "two")
	p.eventually("the second waits", func() bool { return strings.Contains(p.command(0, "notify", "list"), "two:1 exited 2") })
	begin := time.Now()
	p.kill(p.daemon())
	p.eventually("there is a daemon again", func() bool { return p.prepare("notify", "list").Run() == nil })
	p.command(-1, "start", "--wait=0s", "three")
	p.eventually("the third waits", func() bool { return strings.Contains(p.command(0, "notify", "list"), "three:1 exited 3") })
	p.kill(p.pidOf("keeper_pid"))
	p.kill(p.daemon())
	p.eventually("there is a daemon again", func() bool { return p.prepare("start", "-d", "--wait=0s", "keeps it").Run() == nil })
	p.command(-1, "start", "--wait=0s", "four")
	<-time.After(time.Until(begin.Add(away)))
	w.open()
	for end := time.Now().Add(2 * time.Minute); len(w.all()) < 4 && time.Now().Before(end); { // there is a try every minute after the first
		time.Sleep(20 * time.Millisecond)
	}
	p.command(0, "stop")
	var order []string
	ids := map[string]bool{}
	for _, one := range w.all() {
		order = append(order, one.Process)
		if ids[one.ID] {
			t.Errorf("%s is told twice", one.ID)
		}
		ids[one.ID] = true
		if late := one.received.Sub(one.Time); one.Delayed > 0 != (late >= time.Minute) {
			t.Errorf("%s is %v late, and says %v s", one.Process, late, one.Delayed)
		}
	}
	if want := []string{"one:1", "two:1", "three:1", "four:1"}; !slices.Equal(order, want) {
		t.Errorf("told in the order %v, want %v", order, want)
	}
}

// TestAStormOfCrashesIsFewMessages: a thousand crashes of fifty processes are counted, in one message for each and window at most, and
// each give-up is told by name.
func TestAStormOfCrashesIsFewMessages(t *testing.T) {
	const processes, each, window = 50, 20, 2 * time.Second
	w := newWebhook(t)
	p := newProject(t)
	var entries []string
	for i := range processes {
		entries = append(entries, fmt.Sprintf(`{"name": "p%02d", "up": ["false"]}`, i))
	}
	p.configure(fmt.Sprintf(`{"notify": [{"name": "hook", "webhook": {"url": "http://%s/"}, "on": ["crash", "process.gave_up"], "window": "%s"}],
		"defaults": {"resurrect_after": "100ms", "stable_after": 0, "give_up": {"after": %d, "within": "10m", "retry_every": "1h"}},
		"processes": [%s]}`, w.address, window, each-1, strings.Join(entries, ", ")))
	p.command(-1, "start", "-d", "--wait=0s")
	p.eventually("all are given up", func() bool {
		fatal := 0
		for _, process := range p.status()["processes"].([]any) {
			if process.(map[string]any)["state"] == "FATAL" {
				fatal++
			}
		}
		return fatal == processes
	})
	p.eventually("all are told", func() bool {
		count := 0
		for _, one := range w.all() {
			count += one.Fresh
		}
		return count == processes*(each+1)
	})
	named := map[string]bool{}
	last := map[string]time.Time{}
	kinds := map[string]int{}
	for _, one := range w.all() {
		kinds[one.Kind]++
		for _, id := range one.GaveUp {
			named[id] = true
		}
		if one.Kind == "digest" {
			continue
		}
		if before, ok := last[one.Process]; ok && one.received.Sub(before) < window-window/4 && len(one.GaveUp) == 0 {
			t.Errorf("%s is told again after %v", one.Process, one.received.Sub(before))
		}
		last[one.Process] = one.received
	}
	if len(named) != processes {
		t.Errorf("%d of %d give-ups are told", len(named), processes)
	}
	t.Logf("%d crashes: %v", processes*each, kinds)
	p.command(0, "stop")
}

// TestASinkThatHangsCostsSupervisionNothing: what is killed runs again as soon as ever, and the daemon stops in time.
func TestASinkThatHangsCostsSupervisionNothing(t *testing.T) {
	w := newWebhook(t)
	p := newProject(t)
	sinks := make([]string, 5)
	for i := range sinks {
		sinks[i] = fmt.Sprintf(`{"name": "hook %d", "webhook": {"url": "http://%s/"}, "on": "*"}`, i, w.address)
	}
	p.configure(fmt.Sprintf(`{"notify": [%s], "defaults": {"resurrect_after": 0, "stable_after": "1ms", "give_up": false}, "processes": [{"name": "web", "up": "exec sleep 1000"}]}`, strings.Join(sinks, ", ")))
	w.mu.Lock()
	w.hang = true
	w.mu.Unlock()
	p.command(0, "start", "-d")
	for range 8 {
		pid := p.pidIn("web:1")
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		p.eventually("it runs again", func() bool { now := p.pidIn("web:1"); return now > 0 && now != pid })
	}
	var ended time.Time
	for lines := bufio.NewScanner(strings.NewReader(p.command(0, "events", "--json"))); lines.Scan(); {
		var one told
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		switch {
		case one.Event == "process.exited":
			ended = one.Time
		case one.Event == "process.started" && !ended.IsZero():
			if took := one.Time.Sub(ended); took > 5*time.Second { // a request may hang for longer
				t.Errorf("a restart took %v", took)
			}
		}
	}
	begin := time.Now()
	p.command(0, "stop")
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("stop took %v", took)
	}
}
