package outbox

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// tally is what messages tell: how many events, and the ends of which processes.
type tally struct {
	events int
	gone   map[spec.CloneID]bool
}

func newTally() *tally { return &tally{gone: map[spec.CloneID]bool{}} }

func (c *tally) add(m news.Message) {
	if m.Kind != news.Digest {
		c.events += m.Fresh
	}
	for _, item := range m.Items {
		c.events += item.Count
		for _, id := range item.GaveUp {
			c.gone[id] = true
		}
	}
	for _, id := range gaveUp(m) {
		c.gone[id] = true
	}
}

// simple is one line of the model: a message by what may change of it.
type simple struct {
	ID     string
	Kind   news.Kind
	Of     string // incident
	Fresh  int
	Failed bool
}

// model is an outbox that is easy to believe: a list per sink.
type model struct {
	most, mostFailed int
	lists            map[string][]simple
	hand             map[string]string //  what is in hand, by id
	put, told        map[string]*tally // what went in, and what came out: delivered, or lost as an old failure
}

func (m *model) commit(sink string, msg news.Message) {
	list := m.lists[sink]
	for i := len(list) - 1; i >= 0 && (msg.Kind == news.Update || msg.Kind == news.Digest); i-- {
		if e := &list[i]; e.Kind == msg.Kind && e.Of == msg.Incident && !e.Failed && e.ID != m.hand[sink] {
			e.ID, e.Fresh = msg.ID, e.Fresh+msg.Fresh
			return
		}
	}
	m.lists[sink] = append(list, simple{ID: msg.ID, Kind: msg.Kind, Of: msg.Incident, Fresh: msg.Fresh})
}

func (m *model) drop(sink, id string) {
	m.lists[sink] = slices.DeleteFunc(m.lists[sink], func(e simple) bool { return e.ID == id })
}

func (m *model) fail(sink, id string) {
	failed, list := 0, m.lists[sink]
	for i := range list {
		if list[i].ID == id {
			list[i].Failed = true
		}
		if list[i].Failed {
			failed++
		}
	}
	for i := 0; failed > m.mostFailed; i++ {
		if list[i].Failed {
			m.drop(sink, list[i].ID)
			return
		}
	}
}

func (m *model) retry(sink string) {
	for i := range m.lists[sink] {
		m.lists[sink][i].Failed = false
	}
}

// TestTheOutboxIsLikeAList does whatever may be done to an outbox, in any order, and compares it with a list. When there is too
// much for the list, it looks at what must be true then: the bound, the order, and that nothing is lost without being counted.
func TestTheOutboxIsLikeAList(t *testing.T) {
	directory := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		w := &world{t: t, seen: map[string]news.Message{}, path: fmt.Sprintf("%s/%d.db", directory, n), sinks: []string{"ops", "mail"}}
		w.m = &model{
			most: rapid.IntRange(6, 12).Draw(t, "most"), mostFailed: rapid.IntRange(1, 3).Draw(t, "most failed"),
			lists: map[string][]simple{}, hand: map[string]string{}, put: map[string]*tally{}, told: map[string]*tally{},
		}
		for _, sink := range w.sinks {
			w.m.put[sink], w.m.told[sink] = newTally(), newTally()
		}
		w.open()
		defer func() {
			_ = w.o.Close()
			_ = os.Remove(w.path)
		}()
		t.Repeat(map[string]func(*rapid.T){
			"":        w.compare,
			"commit":  w.commit,
			"commit2": w.commit, // more comes than goes
			"take":    w.take,
			"settle":  w.settle,
			"retry":   w.retry,
			"reopen":  w.reopen,
		})
	})
}

// world is an outbox, the model of it, and the messages there were.
type world struct {
	t     *rapid.T
	path  string
	sinks []string
	o     *Outbox
	m     *model
	last  int
	hand  map[string]Entry
	seen  map[string]news.Message // by whoever gets the messages, delivered or not
}

func (w *world) open() {
	o, ignored, err := OpenOutbox(w.path)
	if err != nil || ignored != "" {
		w.t.Fatalf("open: ignored %q, error %v", ignored, err)
	}
	o.most, o.mostFailed = w.m.most, w.m.mostFailed
	w.o, w.hand = o, map[string]Entry{}
}

func (w *world) sink(t *rapid.T) string { return rapid.SampledFrom(w.sinks).Draw(t, "sink") }

func (w *world) commit(t *rapid.T) {
	sink := w.sink(t)
	var batch Batch
	for range rapid.IntRange(1, 3).Draw(t, "messages") {
		w.last++
		kind := rapid.SampledFrom([]news.Kind{news.First, news.Update, news.Update, news.End, news.Digest}).Draw(t, "kind")
		m := tidings(kind, fmt.Sprint(w.last), rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "incident"))
		m.Fresh = rapid.IntRange(0, 5).Draw(t, "fresh")
		if rapid.IntRange(0, 3).Draw(t, "gave up") == 0 {
			m.GaveUp = []spec.CloneID{spec.CloneID(fmt.Sprint(m.Incident, ":", w.last))}
		}
		if kind == news.Digest {
			m = digest(m.ID, m, tidings(news.First, "", "a"))
		}
		batch.Messages = append(batch.Messages, m)
		w.m.commit(sink, m)
		w.m.put[sink].add(m)
	}
	before := w.failed(sink)
	if err := w.o.Commit(sink, noon, batch); err != nil {
		t.Fatal(err)
	}
	w.forgotten(sink, before)
	if len(w.m.lists[sink]) > w.m.most {
		w.merged(t, sink)
	}
}

// failed are the messages of a sink that failed for good.
func (w *world) failed(sink string) (all []news.Message) {
	for _, listed := range w.o.List() {
		if listed.Sink == sink && !listed.FailedAt.IsZero() {
			all = append(all, listed.Message)
		}
	}
	return all
}

// forgotten counts as told what has failed and is not there any more.
func (w *world) forgotten(sink string, before []news.Message) {
	there := ids(w.o, sink)
	for _, m := range before {
		if !slices.Contains(there, m.ID) {
			w.m.told[sink].add(m)
		}
	}
}

// merged looks at what has become of too many, and takes it over into the model: what is there still has the order in which
// it came, and a digest is in the place of the first that is not there any more.
func (w *world) merged(t *rapid.T, sink string) {
	var list []simple
	for _, listed := range w.o.List() {
		if m := listed.Message; listed.Sink == sink {
			list = append(list, simple{ID: m.ID, Kind: m.Kind, Of: m.Incident, Fresh: m.Fresh, Failed: !listed.FailedAt.IsZero()})
		}
	}
	at, merged := 0, false
	for _, e := range w.m.lists[sink] {
		switch {
		case at < len(list) && list[at].ID == e.ID:
			at++
		case slices.ContainsFunc(list, func(o simple) bool { return o.ID == e.ID }):
			t.Fatalf("the order of %v is not that of %v", list, w.m.lists[sink])
		case !merged:
			if merged = true; at == len(list) || list[at].Kind != news.Digest {
				t.Fatalf("no digest in the place of %v: %v", e, list)
			}
			at++
		}
	}
	if len(list) != w.m.most || at != len(list) {
		t.Fatalf("%v became %v", w.m.lists[sink], list)
	}
	w.m.lists[sink] = list
}

func (w *world) take(t *rapid.T) {
	sink := w.sink(t)
	next, ok := w.o.Next(sink)
	if _, busy := w.hand[sink]; busy {
		if ok {
			t.Fatal("there is a next while one is in hand")
		}
		return
	}
	i := slices.IndexFunc(w.m.lists[sink], func(e simple) bool { return !e.Failed })
	if ok != (i >= 0) || ok && next.Message.ID != w.m.lists[sink][i].ID {
		t.Fatalf("next is %s, %v", next.Message.ID, ok)
	}
	if ok {
		w.hand[sink], _ = w.o.Take(sink, next.Seq)
		w.m.hand[sink] = next.Message.ID
		if before, seen := w.seen[sink+next.Message.ID]; seen && !reflect.DeepEqual(before, next.Message) {
			t.Fatalf("%s has changed:\n%s", next.Message.ID, cmp.Diff(before, next.Message))
		}
		w.seen[sink+next.Message.ID] = next.Message
	}
}

func (w *world) settle(t *rapid.T) {
	sink := w.sink(t)
	e, ok := w.hand[sink]
	if !ok {
		t.Skip("nothing is in hand")
	}
	delete(w.hand, sink)
	delete(w.m.hand, sink)
	var err error
	switch rapid.SampledFrom([]string{"delivered", "tried", "failed", "back"}).Draw(t, "how") {
	case "delivered":
		err = w.o.Delivered(sink, e.Seq)
		w.m.told[sink].add(e.Message)
		w.m.drop(sink, e.Message.ID)
	case "tried":
		err = w.o.Tried(sink, e.Seq, noon, errors.New("no"), noon.Add(time.Second))
	case "failed":
		before := append(w.failed(sink), e.Message)
		err = w.o.Failed(sink, e.Seq, noon, errors.New("never"))
		w.m.fail(sink, e.Message.ID)
		w.forgotten(sink, before)
	case "back":
		w.o.Back(sink, e.Seq)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) retry(t *rapid.T) {
	sink := w.sink(t)
	n, err := w.o.Retry(sink, noon)
	want := len(w.m.lists[sink])
	if _, busy := w.hand[sink]; busy {
		want--
	}
	if n != want || err != nil {
		t.Fatalf("retried %d, want %d, error %v", n, want, err)
	}
	w.m.retry(sink)
}

func (w *world) reopen(t *rapid.T) {
	before := w.o.List()
	if err := w.o.Close(); err != nil {
		t.Fatal(err)
	}
	w.m.hand = map[string]string{}
	w.open()
	if after := w.o.List(); !reflect.DeepEqual(before, after) { // which is much faster than cmp
		t.Fatalf("after a reopen (-want +got):\n%s", cmp.Diff(before, after))
	}
}

// compare is what is true after every step.
func (w *world) compare(t *rapid.T) {
	lists := map[string][]simple{}
	held := map[string]*tally{"ops": newTally(), "mail": newTally()}
	previous := map[string]uint64{}
	for _, listed := range w.o.List() {
		m := listed.Message
		lists[listed.Sink] = append(lists[listed.Sink], simple{ID: m.ID, Kind: m.Kind, Of: m.Incident, Fresh: m.Fresh, Failed: !listed.FailedAt.IsZero()})
		held[listed.Sink].add(m)
		if listed.Seq <= previous[listed.Sink] {
			t.Fatalf("%s: %d comes after %d", listed.Sink, listed.Seq, previous[listed.Sink])
		}
		previous[listed.Sink] = listed.Seq
	}
	for _, sink := range w.sinks {
		want := w.m.lists[sink]
		if !slices.Equal(want, lists[sink]) {
			t.Fatalf("%s (-want +got):\n%s", sink, cmp.Diff(want, lists[sink]))
		}
		put, told := w.m.put[sink], w.m.told[sink]
		if got := told.events + held[sink].events; got != put.events {
			t.Fatalf("%s: %d events went in; %d are told or held", sink, put.events, got)
		}
		for id := range put.gone {
			if !told.gone[id] && !held[sink].gone[id] {
				t.Fatalf("%s: nobody is told that %s was given up", sink, id)
			}
		}
		if waiting := w.o.Waiting(sink); waiting.Pending+waiting.Failed != len(want) || waiting.Failed > w.m.most {
			t.Fatalf("%s: %+v of %d", sink, waiting, len(want))
		}
	}
}
