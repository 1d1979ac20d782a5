package actors

import (
	"slices"
	"sync"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/restart"
	"github.com/dcousineau/phorever/actors/internal/sample"
	"github.com/dcousineau/phorever/spec"
)

// What the tree publishes for the read-model, beside the events.
type (
	// processMoved is a clone as it is now.
	processMoved struct {
		ID        spec.CloneID
		Process   *spec.Process
		Config    *spec.Config
		Number    int
		Role      string
		State     event.State
		Reason    string
		Pid       int
		Run       int
		StartedAt time.Time
		Failures  restart.History
		NextStart time.Time // of BACKOFF and FATAL
		KillAt    time.Time // of STOPPING
		Exit      *event.Exit
		Health    string // "": unknown
		Said      int64  // lines, before this run
		Lines     lines
		Names     *logNames // nil before the first start
		Retired   bool
	}
	// processGone is a clone that is no more.
	processGone struct{ ID spec.CloneID }
	// treeShaped is the configuration and what is wanted of it.
	treeShaped struct {
		Config  *spec.Config
		Counts  map[string]int
		Active  []string
		Wanted  map[spec.CloneID]bool
		Closing bool
		At      time.Time

		Everything bool // was started
	}
)

// taken is how long it may take to take up what an earlier daemon has left.
const taken = 5 * time.Second

// mostRecords is how many events are remembered.
const mostRecords = 1000

// model is the read-model: what questions are answered from. One writer, any number of readers.
type model struct {
	mu        sync.RWMutex
	shape     treeShaped
	applied   time.Time // when shape.Config came into force
	processes map[spec.CloneID]processMoved
	records   []event.Record // a ring once it is full
	oldest    int
	refusal   func(path string) string // why a log file takes no lines; nil: unknown
	expected  map[spec.CloneID]unseen  // of an earlier daemon, and not heard of yet; see expect
	complete  chan struct{}            // closed when there are none

	sampling sync.Mutex // one sample at a time; never held together with mu
	sampler  *sample.Sampler
	sampled  time.Time
	usage    map[int]sample.Usage // by pid
}

func newModel() *model {
	return &model{processes: map[spec.CloneID]processMoved{}, sampler: sample.New(), usage: map[int]sample.Usage{}}
}

func (m *model) move(moved processMoved) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.processes[moved.ID] = moved
	if over := m.expected[moved.ID]; over.run == 0 || over.run != moved.Run || moved.Pid == 0 || over.pid != moved.Pid {
		m.heard(moved.ID)
	}
}

func (m *model) remove(id spec.CloneID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.processes, id)
	m.heard(id)
}

// unseen is a process that has ended while nobody could see it; zero is none.
type unseen struct{ run, pid int }

// expect makes complete what is closed when something was heard of each of these clones; of one whose run is known to have ended while
// nobody could see it, that run is given: until that end is heard of, too, or of the process that has taken its place.
func (m *model) expect(clones map[spec.CloneID]unseen) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expected, m.complete = clones, make(chan struct{})
	if len(clones) == 0 {
		close(m.complete)
	}
}

// heard is for whoever holds m.mu.
func (m *model) heard(id spec.CloneID) {
	if _, waits := m.expected[id]; !waits {
		return
	}
	if delete(m.expected, id); len(m.expected) == 0 {
		close(m.complete)
		m.expected = nil
	}
}

// whole waits until the model knows of everything that an earlier daemon has left: until then a question has no answer but a wrong one.
// It waits no longer than taken.
func (m *model) whole() bool {
	m.mu.RLock()
	complete := m.complete
	m.mu.RUnlock()
	if complete == nil {
		return true
	}
	late := time.NewTimer(taken)
	defer late.Stop()
	select {
	case <-complete:
		return true
	case <-late.C:
		return false
	}
}

func (m *model) reshape(shape treeShaped) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shape.Config != shape.Config {
		m.applied = shape.At
	}
	m.shape = shape
}

func (m *model) record(record event.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.records) < mostRecords {
		m.records = append(m.records, record)
		return
	}
	m.records[m.oldest] = record
	m.oldest = (m.oldest + 1) % mostRecords
}

func (m *model) events() []event.Record {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Concat(m.records[m.oldest:], m.records[:m.oldest])
}

// sample reads cpu and memory of all live processes, unless that was done within fresh.
func (m *model) sample(now time.Time, fresh time.Duration) map[int]sample.Usage {
	m.sampling.Lock()
	defer m.sampling.Unlock()
	if now.Sub(m.sampled) < fresh {
		return m.usage
	}
	m.mu.RLock()
	pids := make([]int, 0, len(m.processes))
	for _, p := range m.processes {
		if p.Pid > 0 {
			pids = append(pids, p.Pid)
		}
	}
	m.mu.RUnlock()
	usage := make(map[int]sample.Usage, len(pids))
	for i, u := range m.sampler.Sample(pids, now) {
		usage[pids[i]] = u
	}
	m.usage, m.sampled = usage, now
	return usage
}
