package outbox

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// tidings is a message of an incident that tells of one event.
func tidings(kind news.Kind, id, incident string) news.Message {
	return news.Message{
		ID: id, Kind: kind, Incident: incident, Headline: incident + " is down", Severity: event.Warning, Time: noon, Since: noon,
		Host: "host", Project: "/srv", Count: 1, Fresh: 1, Processes: []spec.CloneID{spec.CloneID(incident + ":1")},
		Event: event.Record{V: 1, ID: id, Time: noon, Event: "process.exited", Severity: event.Warning, Role: incident, Message: incident + ":1 exited 1"},
	}
}

// with changes a message.
func with(m news.Message, how func(m *news.Message)) news.Message {
	how(&m)
	return m
}

// newOutbox is one in a file of its own; it is closed with the test.
func newOutbox(t *testing.T) *Outbox {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "outbox.db"))
}

func open(t *testing.T, path string) *Outbox {
	t.Helper()
	o, ignored, err := OpenOutbox(path)
	if err != nil || ignored != "" {
		t.Fatalf("open: ignored %q, error %v", ignored, err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func reopen(t *testing.T, o *Outbox) *Outbox {
	t.Helper()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	fresh := open(t, o.path)
	fresh.most, fresh.mostFailed = o.most, o.mostFailed
	return fresh
}

func commit(t *testing.T, o *Outbox, sink string, messages ...news.Message) {
	t.Helper()
	if err := o.Commit(sink, noon, Batch{Messages: messages}); err != nil {
		t.Fatal(err)
	}
}

// take is the next message, in hand.
func take(t *testing.T, o *Outbox, sink string) Entry {
	t.Helper()
	next, ok := o.Next(sink)
	if !ok {
		t.Fatal("nothing waits")
	}
	e, ok := o.Take(sink, next.Seq)
	if !ok {
		t.Fatalf("%s cannot be taken", next.Message.ID)
	}
	return e
}

// ids are the messages of a sink, in their order.
func ids(o *Outbox, sink string) (all []string) {
	for _, listed := range o.List() {
		if listed.Sink == sink {
			all = append(all, listed.Message.ID)
		}
	}
	return all
}
