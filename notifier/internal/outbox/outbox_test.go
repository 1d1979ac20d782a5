package outbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

func wantIDs(t *testing.T, o *Outbox, sink string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, ids(o, sink)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", sink, diff)
	}
}

func TestWhatWaitsIsThereAgainAfterAReopen(t *testing.T) {
	o := newOutbox(t)
	code := 1
	whole := with(tidings(news.First, "1", "web"), func(m *news.Message) {
		m.Event.Exit = &event.Exit{Code: &code, Cause: event.CauseSpawnFailed, At: noon, Failure: true, Uptime: time.Minute, Detail: "no such file"}
		m.Event.LogTail = []string{"a", "b"}
		m.GaveUp = []spec.CloneID{"web:1"}
		m.Items = []news.Item{{Incident: "1", Subject: "web", Severity: event.Error, Count: 2, Last: "x", GaveUp: []spec.CloneID{"web:1"}}}
	})
	commit(t, o, "ops", whole, tidings(news.First, "2", "db"), tidings(news.End, "3", "web"))
	commit(t, o, "mail", tidings(news.First, "1", "web"))
	take(t, o, "ops")
	if err := o.Tried("ops", 1, noon.Add(time.Second), news.Delay{After: time.Minute, Err: errors.New("slowly")}, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := o.Failed("ops", 3, noon.Add(time.Second), errors.New("no such room")); err != nil {
		t.Fatal(err)
	}
	state := map[string][]byte{"a": {0, 1}, "b": []byte("x"), "empty": {}}
	if err := o.Commit("ops", noon, Batch{Incidents: state}); err != nil {
		t.Fatal(err)
	}
	if err := o.Commit("ops", noon, Batch{Incidents: map[string][]byte{"b": nil, "never": nil}}); err != nil {
		t.Fatal(err)
	}
	delete(state, "b")
	before := o.List()
	if len(before) != 4 || !before[1].Bound || before[1].LastError != "slowly" || before[3].FailedAt.IsZero() {
		t.Errorf("it holds %+v", before)
	}
	o = reopen(t, o)
	if diff := cmp.Diff(before, o.List()); diff != "" {
		t.Errorf("what waits (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(state, o.Incidents("ops")); diff != "" {
		t.Errorf("incidents (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(whole, o.List()[1].Message); diff != "" {
		t.Errorf("the message (-want +got):\n%s", diff)
	}
	if got := o.Incidents("mail"); len(got) != 0 {
		t.Errorf("mail has %v", got)
	}
}

func TestTheFileIsOnlyForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox.db")
	mode := func() os.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	o := open(t, path)
	if got := mode(); got != 0o600 {
		t.Errorf("a new one has mode %o", got)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	reopen(t, o)
	if got := mode(); got != 0o600 {
		t.Errorf("an old one has mode %o", got)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("there is more than the file: %v", left)
	}
}

func TestASecondOwnerIsToldAfterASecond(t *testing.T) {
	o := newOutbox(t)
	begin := time.Now()
	if _, ignored, err := OpenOutbox(o.path); err == nil || !strings.Contains(err.Error(), "another process has it open") || ignored != "" {
		t.Errorf("ignored %q, error %v", ignored, err)
	}
	if took := time.Since(begin); took < lockPatience || took > 5*lockPatience {
		t.Errorf("it took %s", took)
	}
	commit(t, o, "ops", tidings(news.First, "1", "web"))
}

func TestOpenSaysWhyItCannot(t *testing.T) {
	directory := t.TempDir()
	for path, want := range map[string]string{
		directory:                             "is a directory",
		filepath.Join(directory, "no", "dir"): "no such file or directory",
		"/dev/null":                           "is not a regular file",
	} {
		if _, ignored, err := OpenOutbox(path); err == nil || !strings.Contains(err.Error(), want) || ignored != "" {
			t.Errorf("%s: ignored %q, error %v; want %q", path, ignored, err, want)
		}
	}
}

func TestAClosedOutboxTakesNothing(t *testing.T) {
	o := newOutbox(t)
	commit(t, o, "ops", tidings(news.First, "1", "web"))
	for range 2 {
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Commit("ops", noon, Batch{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("commit: %v", err)
	}
	if _, ok := o.Next("ops"); ok {
		t.Error("next gives something")
	}
	wantIDs(t, open(t, o.path), "ops", "1")
}

// TestOnlyTheOldestIsNext: until it is delivered or has failed, those behind it wait; a sink does not wait for another one.
func TestOnlyTheOldestIsNext(t *testing.T) {
	o := newOutbox(t)
	commit(t, o, "ops", tidings(news.First, "1", "web"), tidings(news.First, "2", "db"), tidings(news.First, "3", "mq"))
	commit(t, o, "mail", tidings(news.First, "4", "web"))
	one := take(t, o, "ops")
	if _, ok := o.Next("ops"); ok {
		t.Error("there is a next while one is in hand")
	}
	if _, ok := o.Take("ops", one.Seq); ok {
		t.Error("it was taken twice")
	}
	if e := take(t, o, "mail"); e.Message.ID != "4" {
		t.Errorf("mail has %s", e.Message.ID)
	}
	o.Back("ops", one.Seq)
	if err := o.Tried("ops", take(t, o, "ops").Seq, noon, errors.New("no"), noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if e := take(t, o, "ops"); e.Message.ID != "1" || e.Attempts != 1 || !e.NextTry.Equal(noon.Add(time.Hour)) {
		t.Errorf("after a try the next is %+v", e)
	}
	if err := o.Failed("ops", one.Seq, noon, errors.New("never")); err != nil {
		t.Fatal(err)
	}
	if err := o.Delivered("ops", take(t, o, "ops").Seq); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, o, "ops", "1", "3")
	if w := o.Waiting("ops"); w.Pending != 1 || w.Failed != 1 || !w.Newest.Equal(noon) {
		t.Errorf("waiting: %+v", w)
	}
	if err := o.Delivered("nobody", 1); err != nil {
		t.Error(err)
	}
}

func TestOldFailuresGoFirst(t *testing.T) {
	o := newOutbox(t)
	o.most, o.mostFailed = 6, 2
	for i := range 4 {
		commit(t, o, "ops", tidings(news.First, fmt.Sprint(i), fmt.Sprint(i)))
		if err := o.Failed("ops", take(t, o, "ops").Seq, noon, errors.New("never")); err != nil {
			t.Fatal(err)
		}
	}
	wantIDs(t, o, "ops", "2", "3")
	wantIDs(t, reopen(t, o), "ops", "2", "3")
}

func TestRetryByHand(t *testing.T) {
	o := newOutbox(t)
	for _, sink := range []string{"ops", "mail"} {
		commit(t, o, sink, tidings(news.First, "1", "web"), tidings(news.First, "2", "db"))
		if err := o.Failed(sink, take(t, o, sink).Seq, noon, errors.New("never")); err != nil {
			t.Fatal(err)
		}
		e := take(t, o, sink)
		if err := o.Tried(sink, e.Seq, noon, news.Delay{After: time.Hour, Err: errors.New("busy")}, noon.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	later := noon.Add(48 * time.Hour)
	if n, err := o.Retry("ops", later); n != 2 || err != nil {
		t.Errorf("retry: %d, %v", n, err)
	}
	if n, err := o.Retry("nobody", later); n != 0 || err != nil {
		t.Errorf("retry of nobody: %d, %v", n, err)
	}
	o = reopen(t, o)
	if e := take(t, o, "ops"); e.Message.ID != "1" || !e.NextTry.IsZero() || !e.QueuedAt.Equal(later) || e.Attempts != 0 {
		t.Errorf("ops: %+v", e)
	}
	if e, _ := o.Next("mail"); e.Message.ID != "2" || e.NextTry.IsZero() {
		t.Errorf("mail: %+v", e)
	}
	if n, err := o.Retry("", later); n != 3 || err != nil { // one is in hand
		t.Errorf("retry of all: %d, %v", n, err)
	}
}

func TestForgottenSinks(t *testing.T) {
	o := newOutbox(t)
	for _, sink := range []string{"ops", "mail", "chat"} {
		commit(t, o, sink, tidings(news.First, "1", "web"))
		if err := o.Commit(sink, noon, Batch{Incidents: map[string][]byte{"a": {1}}}); err != nil {
			t.Fatal(err)
		}
	}
	mail := take(t, o, "mail")
	if err := o.Keep([]string{"ops", "other"}); err != nil {
		t.Fatal(err)
	}
	commit(t, o, "mail", tidings(news.First, "2", "db")) // it is configured again, while its old courier ends
	if err := o.Delivered("mail", mail.Seq); err != nil {
		t.Fatal(err)
	}
	o = reopen(t, o)
	wantIDs(t, o, "ops", "1")
	wantIDs(t, o, "mail", "2")
	wantIDs(t, o, "chat")
	if len(o.Incidents("ops")) != 1 || len(o.Incidents("mail")) != 0 || len(o.shelves) != 2 {
		t.Errorf("it holds %v", o.shelves)
	}
}

func TestWhatTheFileCannotTakeIsRefused(t *testing.T) {
	o := newOutbox(t)
	long := strings.Repeat("x", longestName+1)
	for sink, b := range map[string]Batch{
		"":     {},
		long:   {},
		"key":  {Messages: []news.Message{tidings(news.First, "1", "web")}, Incidents: map[string][]byte{"": {}}},
		"long": {Incidents: map[string][]byte{long: {}}},
		"time": {Messages: []news.Message{{Time: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)}}},
	} {
		if err := o.Commit(sink, noon, b); err == nil {
			t.Errorf("%.10q was taken", sink)
		}
	}
	commit(t, o, "ops", tidings(news.First, "1", "web"))
	if got := o.List(); len(got) != 1 {
		t.Errorf("it holds %v", got)
	}
}

// TestEveryBatchOfManyWritersIsThere, in the order of each.
func TestEveryBatchOfManyWritersIsThere(t *testing.T) {
	o := newOutbox(t)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 50 {
				if err := o.Commit("ops", noon, Batch{Messages: []news.Message{tidings(news.First, fmt.Sprintf("%d-%02d", w, i), "x")}}); err != nil {
					t.Error(err)
				}
				o.List()
				runtime.Gosched()
			}
		})
	}
	writers.Wait()
	o = reopen(t, o)
	all := ids(o, "ops")
	if len(all) != 200 {
		t.Fatalf("%d are there", len(all))
	}
	for w := range 4 {
		mine := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !strings.HasPrefix(id, fmt.Sprint(w)) })
		if !slices.IsSorted(mine) || !reflect.DeepEqual(len(mine), 50) {
			t.Errorf("of writer %d there is %v", w, mine)
		}
	}
}
