package child

import (
	"encoding/json"
	"iter"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors/internal/logs"
	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// Saving is where the table writes down which processes there are, for a daemon that comes after this one was killed. Its
// methods must not block.
type Saving interface {
	Put(key string, value []byte)
	Delete(key string)
	// Written calls done when everything that was put before is where the death of this process does not reach it.
	Written(done func())
}

// nowhere keeps nothing.
type nowhere struct{}

func (nowhere) Put(string, []byte)  {}
func (nowhere) Delete(string)       {}
func (nowhere) Written(done func()) { done() }

// runPrefix is what the keys of the table begin with.
const runPrefix = "run/"

func runKey(id RunID) string { return runPrefix + id.String() }

// saved is what is written down of a run. Fields may be added.
type saved struct {
	Pid        int           `json:"pid,omitempty"` // 0: its fork was announced
	Start      uint64        `json:"start,omitempty"`
	Leader     int           `json:"leader,omitempty"` // the first process of a program that daemonizes itself
	Leftover   time.Duration `json:"leftover,omitempty"`
	Stdout     *savedStream  `json:"stdout,omitempty"`
	Stderr     *savedStream  `json:"stderr,omitempty"`
	Daemonizes *Daemonizes   `json:"daemonizes,omitempty"`
	Cgroup     string        `json:"cgroup,omitempty"`
	User       uint32        `json:"user,omitempty"`
	Over       bool          `json:"over,omitempty"` // nothing is left of it but lines in its FIFOs
	// Known is what a program that daemonizes itself has in the background, until its main process is known.
	Known []osproc.Member `json:"known,omitempty"`
}

// savedStream is one stream of a run: its FIFO and its file.
type savedStream struct {
	Name string `json:"name"`
	*logs.FileOptions
}

// save writes a run down. The caller holds t.mu.
func (t *Table) save(r *run) {
	if text, err := json.Marshal(r.saved); err == nil {
		t.saving.Put(runKey(r.id), text)
	}
}

// forget takes a run off the books, as soon as no lines are left in its FIFOs: whoever takes over meanwhile must find them. The caller
// holds t.mu.
func (t *Table) forget(r *run) {
	var behind []*logs.Stream
	for _, s := range r.streams {
		if r.unawaited || s.Behind() {
			behind = append(behind, s)
		}
	}
	if len(behind) > 0 {
		r.saved.Over = true
		t.save(r)
	}
	t.forgetWhenRead(r.id, behind)
}

func (t *Table) forgetWhenRead(id RunID, streams []*logs.Stream) {
	if len(streams) == 0 {
		t.saving.Delete(runKey(id))
		return
	}
	whenAll(streams, (*logs.Stream).WhenRead, func() {
		go func() { // the caller may hold t.mu
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.runs[id] == nil { // else a clone that was made anew counts from the beginning
				t.saving.Delete(runKey(id))
			}
		}()
	})
}

// writtenWithin is how long a fork waits for its record: a disk that does not answer stops nothing.
const writtenWithin = 100 * time.Millisecond

// awaitWritten waits until a record is written, as it says where the lines of a process are to go.
func (t *Table) awaitWritten() {
	written := make(chan struct{})
	t.saving.Written(func() { close(written) })
	late := time.NewTimer(writtenWithin)
	defer late.Stop()
	select {
	case <-written:
	case <-late.C:
	}
}

// savedRuns are the runs that an earlier daemon has written down.
func savedRuns(values map[string][]byte) map[RunID]saved {
	all := map[RunID]saved{}
	for id, text := range runsUnder(runPrefix, values) {
		var s saved
		if json.Unmarshal(text, &s) == nil {
			all[id] = s
		}
	}
	return all
}

// runsUnder are the runs of which something was written down under a key with this prefix.
func runsUnder(prefix string, values map[string][]byte) iter.Seq2[RunID, []byte] {
	return func(yield func(RunID, []byte) bool) {
		for key, text := range values {
			name, ok := strings.CutPrefix(key, prefix)
			if !ok {
				continue
			}
			if id, ok := parseRunID(name); ok && !yield(id, text) {
				return
			}
		}
	}
}
