package notifier

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// scene plays events to a group, second by second.
type scene struct {
	t     testing.TB
	group *Group
	now   time.Time
	ids   int
	said  []string
	all   []news.Message
}

func newScene(t testing.TB, sink spec.Sink, silenced func(event.Record) time.Time) *scene {
	s := &scene{t: t, now: start}
	if sink.Window == 0 {
		sink.Window = time.Minute
	}
	if sink.Most == 0 {
		sink.Most = 10
	}
	s.group = NewGroup(sink, Stamp{Host: "h", Project: "/app", NewID: s.id}, silenced)
	return s
}

func (s *scene) id() string {
	s.ids++
	return fmt.Sprintf("id%d", s.ids)
}

func (s *scene) hear(all []news.Message) {
	for _, m := range all {
		s.said = append(s.said, fmt.Sprintf("%d %s: %s", int(s.now.Sub(start).Seconds()), m.Kind, m.Headline))
		s.all = append(s.all, m)
	}
}

func (s *scene) event(name string, process spec.CloneID, severity event.Severity) {
	s.hear(s.group.Add(s.now, event.Record{ID: s.id(), Time: s.now, Event: name, Process: process, Severity: severity, Message: string(process) + " " + name}))
}

// wait lets time pass, and wakes the group when it wants to be.
func (s *scene) wait(d time.Duration) {
	for end := s.now.Add(d); ; {
		next := s.group.Next()
		if next.IsZero() || next.After(end) {
			s.now = end
			return
		}
		s.now = later(s.now, next)
		said := s.group.Tick(s.now)
		s.hear(said)
		if again := s.group.Next(); len(said) == 0 && again.Equal(next) {
			s.t.Fatalf("nothing happens at %v, and yet it wants to be woken", next)
		}
	}
}

func (s *scene) want(lines ...string) {
	s.t.Helper()
	if !slices.Equal(s.said, lines) {
		s.t.Errorf("want\n%s\ngot\n%s", strings.Join(lines, "\n"), strings.Join(s.said, "\n"))
	}
}

func on(patterns ...string) []spec.Selector {
	var all []spec.Selector
	for _, pattern := range patterns {
		all = append(all, spec.Selector{Pattern: pattern})
	}
	return all
}

var crash = []spec.Selector{{Crash: true}, {Pattern: "process.gave_up"}, {Pattern: "process.recovered"}}

const (
	down  = "process.exited"
	up    = "process.ready"
	fatal = "process.gave_up"
)

func TestOneCauseIsOneIncident(t *testing.T) {
	s := newScene(t, spec.Sink{On: crash}, nil)
	s.event(down, "web:1", event.Warning)
	for range 5 {
		s.wait(5 * time.Second)
		s.event(down, "web:1", event.Warning)
		s.event(down, "web:2", event.Warning)
	}
	s.event(up, "web:1", event.Info)
	s.wait(time.Hour) // web:2 is still down
	s.event(up, "web:2", event.Info)
	s.wait(time.Hour)
	s.want(
		"0 first: web:1 process.exited",
		"60 update: web: 11 events since 12:00:00, now: web:2 process.exited",
		"3685 end: web recovered after 1h, 11 restarts",
	)
	if len(s.group.incidents) != 0 {
		t.Errorf("%d incidents are left", len(s.group.incidents))
	}
}

func TestGiveUpIsToldAtOnceAndRecoveryToo(t *testing.T) {
	s := newScene(t, spec.Sink{On: crash}, nil)
	s.event(down, "web:1", event.Warning)
	s.wait(3 * time.Second)
	s.event(fatal, "web:1", event.Error)
	s.wait(time.Second)
	s.event(fatal, "web:2", event.Error) // one cause
	s.wait(2 * time.Minute)
	s.event("process.recovered", "web:2", event.Info)
	s.wait(time.Second)
	s.event("process.recovered", "web:1", event.Info)
	s.wait(time.Hour)
	s.want(
		"0 first: web:1 process.exited",
		"3 update: web: 2 events since 12:00:00, now: web:1 process.gave_up",
		"63 update: web: 3 events since 12:00:00, now: web:2 process.gave_up",
		"125 end: web recovered after 2m5s, 1 restart",
	)
}

func TestAnEndByOrderIsNoRecovery(t *testing.T) {
	s := newScene(t, spec.Sink{On: crash}, nil)
	s.event(down, "web:1", event.Warning)
	s.event(down, "web:1", event.Warning)
	s.event("process.stopped", "web:1", event.Info)
	s.wait(time.Hour)
	s.event(down, "web:1", event.Warning)
	s.want("0 first: web:1 process.exited", "60 update: web: 2 events since 12:00:00, now: web:1 process.exited", "3600 first: web:1 process.exited")
}

func TestAStormIsOneMessage(t *testing.T) {
	s := newScene(t, spec.Sink{On: crash, Most: 2}, nil)
	for i := range 50 {
		s.event(down, spec.CloneID(fmt.Sprintf("p%02d:1", i)), event.Warning)
	}
	s.wait(10 * time.Second)
	s.event(down, "p49:1", event.Warning)
	s.wait(10 * time.Second)
	s.event(fatal, "p48:1", event.Error)
	s.wait(30 * time.Second)
	s.want("0 first: p00:1 process.exited", "0 first: p01:1 process.exited",
		"25 digest: gave up on p48:1; 50 events of p02, p03, p04, p05, p06 and 43 more")
	last := s.all[2]
	if len(last.Items) != 48 || last.Items[46].Count != 2 || last.Items[46].Subject != "p48" || last.Items[47].Count != 2 || last.Severity != event.Error {
		t.Errorf("%+v", last)
	}
}

func TestRepeatsOfAllAreOneMessageAWindow(t *testing.T) {
	s := newScene(t, spec.Sink{On: crash}, nil)
	for range 3 {
		s.event(down, "web:1", event.Warning)
		s.wait(10 * time.Second)
		s.event(down, "mail:1", event.Warning)
		s.wait(25 * time.Second)
	}
	s.wait(time.Hour)
	s.want("0 first: web:1 process.exited", "10 first: mail:1 process.exited", "60 update: web: 2 events since 12:00:00, now: web:1 process.exited",
		"120 digest: 3 events of mail, web")
}

func TestQuietHoursHoldBackWhatIsNotSevere(t *testing.T) {
	s := newScene(t, spec.Sink{On: crash, Quiet: &spec.QuietHours{From: 11 * time.Hour, To: 13*time.Hour + 30*time.Minute, Except: "error"}}, nil)
	s.event(down, "web:1", event.Warning)
	s.event(down, "mail:1", event.Warning)
	s.wait(time.Minute)
	s.event(up, "mail:1", event.Info)
	s.wait(time.Minute)
	s.event(fatal, "web:1", event.Error)
	s.wait(3 * time.Hour)
	s.want("120 first: web: 2 events since 12:00:00, now: web:1 process.gave_up", "5400 first: mail recovered after 1m, 1 restart")
}

func TestSilenceHoldsBackEverything(t *testing.T) {
	s := newScene(t, spec.Sink{On: crash}, func(r event.Record) time.Time {
		if r.Process == "web:1" && r.Time.Before(start.Add(30*time.Minute)) {
			return start.Add(30 * time.Minute)
		}
		return time.Time{}
	})
	s.event(down, "web:1", event.Warning)
	s.event(fatal, "web:1", event.Error)
	s.event(down, "other:1", event.Warning)
	s.wait(time.Hour)
	s.want("0 first: other:1 process.exited", "1800 first: web: 2 events since 12:00:00, now: web:1 process.gave_up")
}

func TestWhoWantsEverythingHearsEverything(t *testing.T) {
	s := newScene(t, spec.Sink{On: on("*")}, nil)
	s.event("process.started", "web:1", event.Info)
	s.event(up, "web:1", event.Info)
	s.event("config.applied", "", event.Info)
	s.wait(10 * time.Minute)
	s.event("process.stopped", "web:1", event.Info)
	s.want("0 first: web:1 process.started", "0 first:  config.applied", "60 update: web: 2 events since 12:00:00, now: web:1 process.ready",
		"600 first: web:1 process.stopped")
}

func TestARejectedConfigurationIsOverWhenOneIsApplied(t *testing.T) {
	s := newScene(t, spec.Sink{On: on("config.rejected")}, nil)
	s.event("config.applied", "", event.Info)
	s.event("config.rejected", "", event.Error)
	s.wait(time.Second)
	s.event("config.applied", "", event.Info)
	s.want("0 first:  config.rejected", "1 end: config recovered after 1s")
}

// Whatever happens, in whatever order, and however often the group is restored from what it has given: each event that was wanted is
// counted in exactly one message, each give-up is named, no cause has two messages in a window but for a first give-up and a recovery, and no window more
// than it may have but for digests.
func TestCountsAreTrue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		window := time.Minute
		sink := spec.Sink{On: []spec.Selector{{Crash: true}, {Pattern: fatal}, {Pattern: "process.recovered"}}, Window: window, Most: rapid.IntRange(1, 5).Draw(rt, "most")}
		s := newScene(t, sink, nil)
		saved := map[string][]byte{}
		wanted, gaveUps := 0, map[string]int{}
		for range rapid.IntRange(1, 80).Draw(rt, "events") {
			process := spec.CloneID(fmt.Sprintf("p%d:%d", rapid.IntRange(1, 4).Draw(rt, "process"), rapid.IntRange(1, 2).Draw(rt, "clone")))
			name := rapid.SampledFrom([]string{down, down, down, fatal, up, "process.stopped", "process.recovered"}).Draw(rt, "event")
			severity := map[string]event.Severity{down: event.Warning, fatal: event.Error}[name]
			if severity == "" {
				severity = event.Info
			}
			s.group.tidy(s.now)
			key, what := cause(event.Record{Event: name, Process: process, Severity: severity})
			open := s.group.incidents[key] != nil && s.group.incidents[key].Fails
			switch {
			case name == down, name == fatal, what == heals && !open:
				wanted++
			}
			if name == fatal {
				gaveUps[string(process)]++
			}
			s.event(name, process, severity)
			maps.Copy(saved, s.group.Changed())
			if rapid.IntRange(0, 20).Draw(rt, "restart") == 0 {
				for key, text := range saved {
					if text == nil {
						delete(saved, key)
					}
				}
				s.group = NewGroup(s.group.sink, s.group.stamp, nil)
				s.group.Restore(saved)
			}
			s.wait(time.Duration(rapid.IntRange(0, 90).Draw(rt, "seconds")) * time.Second)
			maps.Copy(saved, s.group.Changed())
		}
		s.wait(24 * time.Hour)
		told, named := 0, map[string]bool{}
		ids := map[string]bool{}
		for _, m := range s.all {
			if ids[m.ID] || m.ID == "" {
				rt.Fatalf("id %q is used twice\n%s", m.ID, strings.Join(s.said, "\n"))
			}
			ids[m.ID] = true
			told += m.Fresh
			for _, id := range m.GaveUp {
				named[string(id)] = true
			}
			if m.Kind == news.Digest {
				sum := 0
				for _, item := range m.Items {
					sum += item.Count
				}
				if sum != m.Fresh {
					rt.Fatalf("a digest of %d has items of %d", m.Fresh, sum)
				}
			}
			if _, err := json.Marshal(m); err != nil {
				rt.Fatal(err)
			}
		}
		if told != wanted {
			rt.Fatalf("%d events were wanted, %d are told\n%s", wanted, told, strings.Join(s.said, "\n"))
		}
		for id := range gaveUps {
			if !named[id] {
				rt.Fatalf("that %s was given up is not told\n%s", id, strings.Join(s.said, "\n"))
			}
		}
	})
}
