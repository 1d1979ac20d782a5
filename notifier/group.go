package notifier

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

const (
	// mostIncidents is how many incidents of one sink are open at a time; the one that has been still for longest goes first.
	mostIncidents = 1000
	// digestSoon is how long a digest with a give-up in it waits for more.
	digestSoon = 5 * time.Second
)

// Group decides what one sink is told, and when: one cause is one incident, repeats are counted, a storm is one message. It is
// pure: time comes in from outside, and what is to be sent goes out. Not safe for concurrent use.
//
// The rules: the first event of a cause is told at once, and so is the first give-up in it, and the end of an illness. All else is told
// a window after the message before, for all causes in one message a window. Where a window has more messages than the sink allows, they wait for a digest.
type Group struct {
	sink      spec.Sink
	stamp     Stamp
	incidents map[string]*incident // by cause
	changed   map[string]bool
	sent      []time.Time // messages of the last window
	updated   time.Time   // when repeats were told last
	storm     time.Time   // when the digest goes out; zero: there is none
	waiting   map[string]bool
	silenced  func(event.Record) time.Time
}

// Stamp is what every message of a sink has.
type Stamp struct {
	Host, Project string
	Zone          *time.Location
	NewID         func() string
}

// NewGroup makes a group. silenced answers until when an event is not to be told, or the zero time.
func NewGroup(sink spec.Sink, stamp Stamp, silenced func(event.Record) time.Time) *Group {
	if stamp.Zone == nil {
		stamp.Zone = time.UTC
	}
	return &Group{
		sink: sink, stamp: stamp, silenced: silenced,
		incidents: map[string]*incident{}, changed: map[string]bool{}, waiting: map[string]bool{},
	}
}

// Restore takes up the incidents that Changed has given to an earlier group. What cannot be read is forgotten.
func (g *Group) Restore(saved map[string][]byte) {
	for key, text := range saved {
		i := &incident{}
		if json.Unmarshal(text, i) == nil && i.Subject != "" {
			g.incidents[key] = i
		}
	}
}

// HasChanged says whether there is anything that Changed would answer.
func (g *Group) HasChanged() bool { return len(g.changed) > 0 }

// Changed are the incidents that have changed since the last call, as they are kept; nil is one that is over.
func (g *Group) Changed() map[string][]byte {
	all := make(map[string][]byte, len(g.changed))
	for key := range g.changed {
		all[key] = nil
		if i := g.incidents[key]; i != nil {
			if text, err := json.Marshal(i); err == nil {
				all[key] = text
			}
		}
	}
	clear(g.changed)
	return all
}

// Add takes an event in, whether or not the sink wants it, and answers what is to be sent now.
func (g *Group) Add(now time.Time, r event.Record) []news.Message {
	g.tidy(now)
	r = r.In(g.stamp.Zone)
	key, what := cause(r)
	i := g.incidents[key]
	wanted := selects(&g.sink, r)
	if i == nil && !wanted {
		return nil
	}
	if i == nil && (what == works || what == ends) { // somebody wants to hear of everything
		key, what = "life of "+key, happens
		i = g.incidents[key]
	}
	if i == nil {
		g.makeRoom()
		i = &incident{Subject: strings.TrimPrefix(key, "life of "), Since: r.Time}
		g.incidents[key] = i
	}
	g.changed[key] = true
	switch {
	case what == heals && i.Fails:
		i.Last, i.Newest = r, r.Time
	case wanted:
		i.note(r)
	}
	switch what {
	case fails:
		i.down(r.Process)
		if r.Event == "process.exited" {
			i.Restarts++
		}
	case heals, works:
		i.Over = i.up(r.Process, r.Time)
	case ends:
		i.up(r.Process, r.Time)
	case happens:
	}
	g.plan(now, key, i, r, what)
	return g.Tick(now)
}

// plan says when the incident is told next.
func (g *Group) plan(now time.Time, key string, i *incident, r event.Record, what role) {
	next := i.Told.Add(g.sink.Window)
	switch {
	case i.Fresh == 0 && (!i.Over || i.ID == ""): // there is nothing to tell
		i.Due = time.Time{}
		if i.Fails && len(i.Down) == 0 {
			g.forget(key)
		}
		return
	case i.ID == "", len(i.GaveUp) > 0 && !i.Escalated, i.Over && what == heals:
		next = now
	case i.Over: // it has to stay well
		next = later(next, i.Well.Add(g.sink.Window))
	}
	if next.Before(now) {
		next = now
	}
	if i.Due.IsZero() || next.Before(i.Due) || i.Over {
		i.Due = next
	}
	i.Due = later(i.Due, g.held(now, r, i))
}

// held is until when an event is held back: somebody wants silence, or it is night.
func (g *Group) held(now time.Time, r event.Record, i *incident) (until time.Time) {
	if g.silenced != nil {
		until = g.silenced(r)
	}
	if q := g.sink.Quiet; q != nil && i.Severity.Milder(event.Severity(q.Except)) {
		until = later(until, q.Ends(now.In(g.stamp.Zone)))
	}
	return until
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Next is when Tick wants to be called, the zero time for never.
func (g *Group) Next() time.Time {
	next := g.storm
	for key, i := range g.incidents {
		if !i.Due.IsZero() && !g.waiting[key] && (next.IsZero() || i.Due.Before(next)) {
			next = i.Due
		}
	}
	return next
}

// Tick answers what is to be sent by now.
func (g *Group) Tick(now time.Time) (all []news.Message) {
	for len(g.sent) > 0 && now.Sub(g.sent[0]) >= g.sink.Window {
		g.sent = g.sent[1:]
	}
	var repeats []string
	for _, key := range slices.SortedFunc(maps.Keys(g.incidents), g.byDue) {
		i := g.incidents[key]
		switch {
		case i.Due.IsZero() || i.Due.After(now) || g.waiting[key] && len(i.GaveUp) == 0:
		case g.waiting[key] || len(g.sent) >= g.sink.Most:
			g.gather(now, key, i)
		case i.repeats():
			repeats = append(repeats, key)
		default:
			all = append(all, g.tell(now, key, i))
		}
	}
	all = append(all, g.update(now, repeats)...)
	if !g.storm.IsZero() && !g.storm.After(now) {
		all = append(all, g.digest(now))
	}
	g.tidy(now)
	return all
}

// update tells what has only repeated itself, of all incidents at once: in one message a window.
func (g *Group) update(now time.Time, repeats []string) []news.Message {
	if next := g.updated.Add(g.sink.Window); len(repeats) > 0 && next.After(now) {
		for _, key := range repeats {
			g.incidents[key].Due = next
			g.changed[key] = true
		}
		return nil
	}
	switch len(repeats) {
	case 0:
		return nil
	case 1:
		g.updated = now
		return []news.Message{g.tell(now, repeats[0], g.incidents[repeats[0]])}
	}
	g.updated = now
	for _, key := range repeats {
		g.waiting[key] = true
	}
	return []news.Message{g.digest(now)}
}

func (g *Group) byDue(a, b string) int {
	if order := g.incidents[a].Due.Compare(g.incidents[b].Due); order != 0 {
		return order
	}
	return strings.Compare(a, b)
}

// gather lets an incident wait for the digest.
func (g *Group) gather(now time.Time, key string, i *incident) {
	g.waiting[key] = true
	due := now
	if len(g.sent) > 0 {
		due = g.sent[0].Add(g.sink.Window)
	}
	if soon := now.Add(min(digestSoon, g.sink.Window)); len(i.GaveUp) > 0 && soon.Before(due) {
		due = soon
	}
	if g.storm.IsZero() || due.Before(g.storm) { // it waits for no longer than was said
		g.storm = due
	}
}

// tell makes the message of an incident.
func (g *Group) tell(now time.Time, key string, i *incident) news.Message {
	kind := news.Update
	switch {
	case i.Over && i.ID != "":
		kind = news.End
	case i.ID == "":
		kind = news.First
	}
	m := g.stamped(i.message(kind), i.Last.ID)
	if i.Last.ID == i.ToldID {
		m.ID = g.stamp.NewID() // that it stays well is no event
	}
	if kind == news.First {
		m.Incident = m.ID
	}
	i.told(now, m.ID)
	g.changed[key] = true
	g.sent = append(g.sent, now)
	if i.Over {
		g.forget(key)
	}
	return m
}

// digest makes one message of everything that waits.
func (g *Group) digest(now time.Time) news.Message {
	m := g.stamped(news.Message{Kind: news.Digest, Time: now.In(g.stamp.Zone), Severity: event.Info}, g.stamp.NewID())
	var subjects []string
	for _, key := range slices.Sorted(maps.Keys(g.waiting)) {
		i := g.incidents[key]
		if i == nil {
			continue
		}
		item := i.item()
		if item.Incident == "" {
			item.Incident = m.ID
		}
		m.Items = append(m.Items, item)
		m.Severity = news.Worse(m.Severity, i.Severity)
		m.Count += i.Fresh
		m.GaveUp = append(m.GaveUp, item.GaveUp...)
		if m.Since.IsZero() || i.Since.Before(m.Since) {
			m.Since = i.Since
		}
		subjects = append(subjects, i.Subject)
		i.told(now, m.ID)
		g.changed[key] = true
		if i.Over {
			g.forget(key)
		}
	}
	clear(g.waiting)
	g.storm = time.Time{}
	g.sent = append(g.sent, now)
	m.Fresh = m.Count
	m.Headline = fmt.Sprintf("%s of %s", news.Counted(m.Count, "event"), listed(subjects))
	if len(m.GaveUp) > 0 {
		m.Headline = fmt.Sprintf("gave up on %s; %s", news.Named(m.GaveUp, news.MostNamed), m.Headline)
	}
	m.Event = event.Record{V: 1, ID: m.ID, Time: m.Time, Event: "notification.digest", Severity: m.Severity, Message: m.Headline}
	return m
}

func listed(subjects []string) string {
	const most = 5
	if more := len(subjects) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(subjects[:most], ", "), more)
	}
	return strings.Join(subjects, ", ")
}

func (g *Group) stamped(m news.Message, id string) news.Message {
	m.ID, m.Host, m.Project = id, g.stamp.Host, g.stamp.Project
	return m
}

// tidy forgets incidents that have no end, once they are still.
func (g *Group) tidy(now time.Time) {
	for key, i := range g.incidents {
		if i.Due.IsZero() && len(i.Down) == 0 && !g.waiting[key] && now.Sub(i.Newest) >= g.sink.Window && now.Sub(i.Told) >= g.sink.Window {
			g.forget(key)
		}
	}
}

func (g *Group) forget(key string) {
	delete(g.incidents, key)
	delete(g.waiting, key)
	g.changed[key] = true
}

// makeRoom forgets the incident that has been still for longest, where there are too many.
func (g *Group) makeRoom() {
	if len(g.incidents) < mostIncidents {
		return
	}
	oldest := ""
	for key, i := range g.incidents {
		if i.Due.IsZero() && (oldest == "" || i.Newest.Before(g.incidents[oldest].Newest)) {
			oldest = key
		}
	}
	if oldest != "" {
		g.forget(oldest)
	}
}
