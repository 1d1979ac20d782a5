package outbox

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

func TestAnUpdateReplacesTheOneThatStillWaits(t *testing.T) {
	o := newOutbox(t)
	older := with(tidings(news.Update, "2", "web"), func(m *news.Message) {
		m.Count, m.Fresh, m.Severity = 5, 4, event.Error
		m.GaveUp, m.Processes = []spec.CloneID{"web:1"}, []spec.CloneID{"web:1", "web:2"}
	})
	newer := with(tidings(news.Update, "4", "web"), func(m *news.Message) {
		m.Count, m.Fresh, m.Headline, m.Time = 12, 7, "worse", noon.Add(time.Minute)
		m.GaveUp, m.Processes = []spec.CloneID{"web:3", "web:1"}, []spec.CloneID{"web:3", "web:2"}
	})
	commit(t, o, "ops", tidings(news.First, "1", "web"), older, tidings(news.First, "3", "db"), newer, tidings(news.Update, "5", "db"))
	wantIDs(t, o, "ops", "1", "4", "3", "5")
	want := newer
	want.Fresh, want.Severity = 11, event.Error
	want.GaveUp, want.Processes = []spec.CloneID{"web:1", "web:3"}, []spec.CloneID{"web:1", "web:2", "web:3"}
	o = reopen(t, o)
	if diff := cmp.Diff(want, o.List()[1].Message); diff != "" {
		t.Errorf("the update (-want +got):\n%s", diff)
	}
	if older.Fresh != 4 || len(older.GaveUp) != 1 {
		t.Error("the older one has changed")
	}
}

func TestWhatIsInHandOrHasFailedIsNotReplaced(t *testing.T) {
	o := newOutbox(t)
	commit(t, o, "ops", tidings(news.Update, "1", "web"))
	one := take(t, o, "ops")
	commit(t, o, "ops", tidings(news.Update, "2", "web"))
	commit(t, o, "ops", tidings(news.Update, "3", "web"))
	wantIDs(t, o, "ops", "1", "3")
	if err := o.Failed("ops", one.Seq, noon, errors.New("never")); err != nil {
		t.Fatal(err)
	}
	commit(t, o, "ops", tidings(news.Update, "4", "web"))
	wantIDs(t, o, "ops", "1", "4")
	if got := o.List()[1].Message.Fresh; got != 3 {
		t.Errorf("the newest tells of %d events", got)
	}
}

func TestADigestThatWaitsTakesInANewerOne(t *testing.T) {
	item := func(incident, last string, count int, severity event.Severity, gaveUp ...spec.CloneID) news.Item {
		return news.Item{Incident: incident, Subject: incident, Last: last, Count: count, Severity: severity, GaveUp: gaveUp}
	}
	make := func(id string, items ...news.Item) news.Message {
		return news.Message{ID: id, Kind: news.Digest, Time: noon, Since: noon, Items: items}
	}
	o := newOutbox(t)
	first := make("1", item("a", "a old", 2, event.Error, "a:1"), item("b", "b old", 3, event.Info))
	commit(t, o, "ops", first)
	commit(t, o, "ops", make("2", item("c", "c new", 1, event.Info), item("a", "a new", 5, event.Warning, "a:2", "a:1")))
	wantIDs(t, o, "ops", "2")
	want := []news.Item{item("a", "a new", 7, event.Error, "a:1", "a:2"), item("b", "b old", 3, event.Info), item("c", "c new", 1, event.Info)}
	got := o.List()[0].Message
	if diff := cmp.Diff(want, got.Items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if got.Headline != "11 events of 3 incidents; gave up on a:1, a:2" || got.Count != 11 || got.Event.Message != got.Headline {
		t.Errorf("it says %q, %d, %q", got.Headline, got.Count, got.Event.Message)
	}
	if first.Items[0].Count != 2 {
		t.Error("the older one has changed")
	}
}

// TestTooManyBecomeADigest: repeats go first, then what begins and ends, then what was given up, each from the oldest on.
func TestTooManyBecomeADigest(t *testing.T) {
	o := newOutbox(t)
	o.most = 5
	gone := with(tidings(news.First, "1", "a"), func(m *news.Message) { m.Event.Event, m.Event.Process = "process.gave_up", "a:1" })
	commit(t, o, "ops", gone, tidings(news.First, "2", "b"), tidings(news.Update, "3", "b"), tidings(news.Update, "4", "c"), tidings(news.Update, "5", "d"))
	wantIDs(t, o, "ops", "1", "2", "3", "4", "5")
	step := func(m news.Message, want ...string) {
		t.Helper()
		commit(t, o, "ops", m)
		wantIDs(t, o, "ops", want...)
	}
	step(tidings(news.End, "6", "b"), "1", "2", "4-digest", "5", "6")
	step(tidings(news.End, "7", "c"), "1", "2", "5-digest", "6", "7")
	step(tidings(news.First, "8", "e"), "1", "2-digest", "6", "7", "8")
	step(tidings(news.First, "9", "f"), "1", "6-digest", "7", "8", "9")
	o.most = 2
	commit(t, o, "ops")
	wantIDs(t, o, "ops", "1", "9-digest")
	o.most = 1
	commit(t, o, "ops")
	got := o.List()[0].Message
	if got.Headline != "9 events of 6 incidents; gave up on a:1" || len(got.Items) != 6 {
		t.Errorf("%q of %v", got.Headline, got.Items)
	}
	if diff := cmp.Diff(news.Item{Incident: "a", Subject: "a", Severity: event.Warning, Count: 1, Last: "a:1 exited 1", GaveUp: []spec.CloneID{"a:1"}}, got.Items[0]); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
}

func TestADigestHasABoundAndStillCountsEverything(t *testing.T) {
	o := newOutbox(t)
	o.most = 1
	for from := 0; from < 3*mostItems; from += 20 {
		var batch []news.Message
		for i := from; i < from+20; i++ {
			name := fmt.Sprint("p", i)
			batch = append(batch, with(tidings(news.First, name, name), func(m *news.Message) {
				if i%100 == 0 {
					m.GaveUp = []spec.CloneID{spec.CloneID(name + ":1")}
				}
			}))
		}
		commit(t, o, "ops", batch...)
	}
	got := o.List()[0].Message
	if len(o.List()) != 1 || len(got.Items) != mostItems || got.Count != 3*mostItems || len(got.GaveUp) != 6 {
		t.Fatalf("%d entries, %d items, %d events, gave up on %v", len(o.List()), len(got.Items), got.Count, got.GaveUp)
	}
	if others := got.Items[0]; others.Incident != "" || others.Count != 2*mostItems+1 || len(others.GaveUp) != 0 {
		t.Errorf("the others are %+v", others)
	}
	if want := "600 events of at least 200 incidents; gave up on p0:1, p100:1, p200:1, p300:1, p400:1, p500:1"; got.Headline != want {
		t.Errorf("headline %q", got.Headline)
	}
}
