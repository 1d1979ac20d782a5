package actors

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/actors/internal/lifecycle"
	"github.com/dcousineau/phorever/actors/internal/restart"
	"github.com/dcousineau/phorever/spec"
)

// Saving is where the tree writes down what must outlive this daemon. Only what the callbacks are for may take long.
type Saving interface {
	Put(key string, value []byte)
	Delete(key string)
	// Written calls done when what was put before survives us.
	Written(done func())
	// Commit calls done when what was put before survives the loss of power.
	Commit(done func(error))
}

// forgetful saves nothing.
type forgetful struct{}

func (forgetful) Put(string, []byte)      {}
func (forgetful) Delete(string)           {}
func (forgetful) Written(done func())     { done() }
func (forgetful) Commit(done func(error)) { done(nil) }

// The keys of what is saved.
const (
	intentKey   = "intent"
	lossKey     = "loss" // of an essential role: everything is being ended for it
	clonePrefix = "clone/"
)

func cloneKey(id spec.CloneID) string { return clonePrefix + string(id) }

// savedIntent is what users ordered.
type savedIntent struct {
	Active []string                `json:"active"`
	Whole  map[string]choice       `json:"whole,omitempty"`
	Single map[spec.CloneID]choice `json:"single,omitempty"`
	Scaled map[string]int          `json:"scaled,omitempty"`

	Everything bool `json:"everything,omitempty"`
}

// savedClone is what one clone knows. Fields may be added; what is missing reads as zero.
type savedClone struct {
	Number    int               `json:"number"`
	Role      string            `json:"role,omitempty"`
	Machine   lifecycle.Machine `json:"machine"`
	Failures  []moment          `json:"failures,omitempty"`
	Healing   bool              `json:"healing,omitempty"`
	Pace      savedPace         `json:"pace,omitzero"`
	Verdict   restart.Verdict   `json:"verdict,omitzero"`
	Exit      *savedExit        `json:"exit,omitempty"`
	Why       string            `json:"why,omitempty"`
	Doom      string            `json:"doom,omitempty"`
	Illness   string            `json:"illness,omitempty"`
	Health    string            `json:"health,omitempty"`
	Said      int64             `json:"said,omitempty"`
	Pid       int               `json:"pid,omitempty"`
	StartedAt moment            `json:"started_at,omitzero"`
	Deadline  moment            `json:"deadline,omitzero"`
	StopStep  int               `json:"stop_step,omitempty"`
	Killed    bool              `json:"killed,omitempty"`
	Retiring  bool              `json:"retiring,omitempty"`
	Stdout    string            `json:"stdout,omitempty"`
	Stderr    string            `json:"stderr,omitempty"`
}

// savedPace is how often a clone fails.
type savedPace struct {
	Recent   float64 `json:"recent"`
	Usual    float64 `json:"usual"`
	At       moment  `json:"at"`
	Flapping bool    `json:"flapping,omitempty"`
}

// savedExit is an end with what users do not see of it.
type savedExit struct {
	event.Exit
	When    moment `json:"when"`
	Failure bool   `json:"failure,omitempty"`
	Uptime  int64  `json:"uptime,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// beingSaved are to be used again: each step of each clone needs one.
var beingSaved = sync.Pool{New: func() any { return new(savedClone) }}

// save writes down what the clone knows. What has not changed is not written again.
func (p *processActor) save() {
	if p.house.forgets {
		return
	}
	base := p.house.base
	s := beingSaved.Get().(*savedClone)
	defer beingSaved.Put(s)
	*s = savedClone{
		Number: p.number, Role: p.role, Machine: p.machine, Healing: p.history.Healing, Verdict: p.verdict, Why: p.why, Doom: p.doom, Pid: p.pid,
		Illness: p.illness, Health: p.health, Said: p.said,
		StartedAt: base.write(p.startedAt), Deadline: base.write(p.deadline), StopStep: p.stopStep, Killed: p.killed, Retiring: p.retiring,
	}
	if !p.pace.At.IsZero() {
		s.Pace = savedPace{p.pace.Recent, p.pace.Usual, base.write(p.pace.At), p.pace.Flapping}
	}
	for _, at := range p.history.Failures {
		s.Failures = append(s.Failures, base.write(at))
	}
	if p.exit != nil {
		s.Exit = &savedExit{*p.exit, base.write(p.exit.At), p.exit.Failure, int64(p.exit.Uptime), p.exit.Detail}
	}
	if names := p.names.Load(); names != nil {
		s.Stdout, s.Stderr = names.stdout, names.stderr
	}
	if text, err := json.Marshal(s); err == nil {
		p.house.saving.Put(cloneKey(p.id), text)
	}
}

// restore gives a clone what it knew.
func (m *cloneMemory) restore(h *house, s *savedClone) {
	m.machine, m.verdict, m.why, m.doom = s.Machine, s.Verdict, s.Why, s.Doom
	m.illness, m.health, m.said = s.Illness, s.Health, s.Said
	m.history.Healing = s.Healing
	m.pace = restart.Pace{Recent: s.Pace.Recent, Usual: s.Pace.Usual, At: h.base.read(s.Pace.At), Flapping: s.Pace.Flapping}
	for _, at := range s.Failures {
		m.history.Failures = append(m.history.Failures, h.base.read(at))
	}
	if e := s.Exit; e != nil {
		exit := e.Exit
		exit.At, exit.Failure, exit.Uptime, exit.Detail = h.base.read(e.When), e.Failure, duration(e.Uptime), e.Detail
		m.exit = &exit
	}
	m.pid, m.startedAt, m.deadline = s.Pid, h.base.read(s.StartedAt), h.base.read(s.Deadline)
	m.stopStep, m.killed, m.retiring = s.StopStep, s.Killed, s.Retiring
	if s.Stdout != "" || s.Stderr != "" {
		m.names.Store(&logNames{s.Stdout, s.Stderr})
	}
}

// savedLoss is why everything is being ended without an order.
type savedLoss struct {
	Reason string `json:"reason"`
	Code   int    `json:"code"`
}

func (r *rootActor) saveLoss(s shutdown) {
	if text, err := json.Marshal(savedLoss{s.Reason, s.Code}); err == nil && !r.house.forgets {
		r.house.saving.Put(lossKey, text)
	}
}

// saveIntent writes down what users ordered.
func (r *rootActor) saveIntent() {
	if r.house.forgets {
		return
	}
	s := savedIntent{Active: sortedKeys(r.intent.active), Whole: r.intent.whole, Single: r.intent.single, Scaled: r.intent.scaled, Everything: r.intent.everything}
	if text, err := json.Marshal(s); err == nil {
		r.house.saving.Put(intentKey, text)
	}
}

// readIntent is what users ordered of an earlier daemon; known is false when that was not written down, or cannot be read.
func readIntent(h *house, saved map[string][]byte) (i intent, known bool) {
	i = newIntent()
	text, ok := saved[intentKey]
	if !ok {
		return i, false
	}
	var s savedIntent
	if err := json.Unmarshal(text, &s); err != nil {
		h.log.Warnf("saved state: what was ordered cannot be read: %v", err)
		return i, false
	}
	i.everything = s.Everything
	for _, role := range s.Active {
		i.active[role] = true
	}
	for id, c := range s.Whole {
		i.whole[id] = c
	}
	for id, c := range s.Single {
		i.single[id] = c
	}
	for id, n := range s.Scaled {
		i.scaled[id] = n
	}
	return i, true
}

// readClones are the clones of an earlier daemon.
func readClones(h *house, saved map[string][]byte) map[spec.CloneID]*savedClone {
	all := map[spec.CloneID]*savedClone{}
	for key, text := range saved {
		id, ok := strings.CutPrefix(key, clonePrefix)
		if !ok {
			continue
		}
		s := &savedClone{}
		if err := json.Unmarshal(text, s); err != nil || s.Machine.State.Code() == 0 && s.Machine.State != event.Stopped || s.Number < 1 {
			h.log.Warnf("saved state: what is known of %s cannot be read; it begins anew", id)
			continue
		}
		all[spec.CloneID(id)] = s
	}
	return all
}
