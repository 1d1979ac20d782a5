package outbox

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// mostItems is how many incidents a digest tells of one by one. What there is beyond them is one item more.
const mostItems = 200

// shelf is what the outbox holds for one sink, and how that differs from what is in the file.
type shelf struct {
	entries   []Entry // by sequence number
	incidents map[string][]byte
	inHand    uint64 // the sequence number of what is being sent, or 0

	unsaved  map[uint64]bool // entries that the file does not have like this
	unsavedI map[string]bool // incidents, by key
	anew     bool            // nothing in the file counts
	gone     bool            // the sink is forgotten as soon as the file has forgotten it
}

func newShelf() *shelf {
	return &shelf{incidents: map[string][]byte{}, unsaved: map[uint64]bool{}, unsavedI: map[string]bool{}}
}

func (s *shelf) clean() bool { return !s.anew && len(s.unsaved) == 0 && len(s.unsavedI) == 0 }

// touch notes that an entry has changed. When nothing can be written for long, so many have come and gone that the file is
// better written anew.
func (s *shelf) touch(seq uint64) {
	if s.unsaved[seq] = true; len(s.unsaved) > 2*len(s.entries)+1000 {
		s.anew = true
		clear(s.unsaved)
	}
}

// pending tells whether an entry may change: nobody has it in hand, and it has not failed.
func (s *shelf) pending(e Entry) bool { return e.FailedAt.IsZero() && e.Seq != s.inHand }

func (s *shelf) find(seq uint64) (i int, ok bool) {
	return slices.BinarySearchFunc(s.entries, seq, func(e Entry, seq uint64) int { return cmp.Compare(e.Seq, seq) })
}

func (s *shelf) remove(i int) {
	s.touch(s.entries[i].Seq)
	s.entries = slices.Delete(s.entries, i, i+1)
}

// add puts a message behind the others, under the number seq, or into the one that it replaces, which keeps its place and
// its age: what is behind that one does not wait any longer because of it.
func (s *shelf) add(seq uint64, now time.Time, m news.Message) (used bool) {
	for i := len(s.entries) - 1; i >= 0 && (m.Kind == news.Update || m.Kind == news.Digest); i-- {
		e := &s.entries[i]
		if !s.pending(*e) || e.Message.Kind != m.Kind || e.Message.Incident != m.Incident && m.Kind == news.Update {
			continue
		}
		if m.Kind == news.Digest {
			e.Message = digest(m.ID, e.Message, m)
		} else {
			e.Message = replaced(e.Message, m)
		}
		s.touch(e.Seq)
		return false
	}
	s.entries = append(s.entries, Entry{Seq: seq, Message: m, QueuedAt: now})
	s.touch(seq)
	return true
}

// replaced is the newer update of an incident, with what only the older one tells.
func replaced(older, newer news.Message) news.Message {
	newer.Fresh += older.Fresh
	newer.Severity = news.Worse(older.Severity, newer.Severity)
	newer.GaveUp = union(older.GaveUp, newer.GaveUp)
	newer.Processes = union(older.Processes, newer.Processes)
	return newer
}

// fit merges until there are no more than most entries: repeats first, then what begins and ends an incident, then what was
// given up; within these the oldest first. They become one digest at the place of the oldest, which takes in any other.
func (s *shelf) fit(most int) {
	over := len(s.entries) - most
	if over <= 0 {
		return
	}
	var merge []int // places
	for i, e := range s.entries {
		if s.pending(e) {
			merge = append(merge, i)
		}
	}
	slices.SortStableFunc(merge, func(a, b int) int {
		return cmp.Compare(worth(s.entries[a].Message), worth(s.entries[b].Message))
	})
	merge = merge[:min(over+1, len(merge))]
	slices.Sort(merge)
	if len(merge) > 1 {
		messages := make([]news.Message, len(merge))
		for i, place := range merge {
			messages[i] = s.entries[place].Message
		}
		first := &s.entries[merge[0]]
		first.Message = digest(digestID(messages), messages...)
		s.touch(first.Seq)
		for _, place := range slices.Backward(merge[1:]) {
			s.remove(place)
		}
	}
	s.dropFailed(len(s.entries) - most)
}

// digestID is an id that nobody has seen, not even one who got some of the messages in a try that seemed to be in vain: each
// message is merged once, so the id of a new one among them makes it.
func digestID(messages []news.Message) string {
	const suffix = "-digest"
	for _, m := range slices.Backward(messages) {
		if !strings.HasSuffix(m.ID, suffix) {
			return m.ID + suffix
		}
	}
	return messages[len(messages)-1].ID + suffix
}

func (s *shelf) failed() (n int) {
	for _, e := range s.entries {
		if !e.FailedAt.IsZero() {
			n++
		}
	}
	return n
}

// dropFailed forgets the n oldest that failed for good.
func (s *shelf) dropFailed(n int) {
	for i := 0; i < len(s.entries) && n > 0; {
		if s.entries[i].FailedAt.IsZero() {
			i++
			continue
		}
		s.remove(i)
		n--
	}
}

// worth orders messages by how bad it is when they do not arrive one by one.
func worth(m news.Message) int {
	switch {
	case m.Kind == news.Digest:
		return 0
	case len(gaveUp(m)) > 0:
		return 3
	case m.Kind == news.Update:
		return 1
	}
	return 2
}

// gaveUp are the processes whose end a message tells.
func gaveUp(m news.Message) []spec.CloneID {
	if m.Event.Event == "process.gave_up" && m.Event.Process != "" {
		return union(m.GaveUp, []spec.CloneID{m.Event.Process})
	}
	return m.GaveUp
}

// digest is one message in place of many, which are given from the oldest to the newest.
func digest(id string, messages ...news.Message) news.Message {
	newest := messages[len(messages)-1]
	m := news.Message{ID: id, Kind: news.Digest, Host: newest.Host, Project: newest.Project, Severity: event.Info}
	for _, part := range messages {
		m.Severity = news.Worse(m.Severity, part.Severity)
		if part.Time.After(m.Time) {
			m.Time = part.Time
		}
		if !part.Since.IsZero() && (m.Since.IsZero() || part.Since.Before(m.Since)) {
			m.Since = part.Since
		}
		m.GaveUp = union(m.GaveUp, part.GaveUp)
		for _, item := range items(part) {
			m.GaveUp = union(m.GaveUp, item.GaveUp)
			m.Items = addItem(m.Items, item)
		}
	}
	m.Items = foldItems(m.Items)
	for _, item := range m.Items {
		m.Count += item.Count
	}
	m.Fresh = m.Count
	incidents := news.Counted(len(m.Items), "incident")
	if m.Items[0].Incident == "" { // it stands for others
		incidents = "at least " + incidents
	}
	m.Headline = news.Counted(m.Count, "event") + " of " + incidents
	if len(m.GaveUp) > 0 {
		m.Headline += "; gave up on " + news.Named(m.GaveUp, news.MostNamed)
	}
	m.Event = event.Record{Time: m.Time, Severity: m.Severity, Message: m.Headline}
	return m
}

// items are what a digest tells of a message.
func items(m news.Message) []news.Item {
	if m.Kind == news.Digest {
		return m.Items
	}
	return []news.Item{{
		Incident: cmp.Or(m.Incident, m.ID), Subject: cmp.Or(m.Event.Role, string(m.Event.Process), m.Event.Event, m.Headline),
		Severity: m.Severity, Count: m.Fresh, Last: cmp.Or(m.Event.Message, m.Headline), GaveUp: gaveUp(m),
	}}
}

// addItem changes the list, but nothing that its items share with others.
func addItem(all []news.Item, newer news.Item) []news.Item {
	i := slices.IndexFunc(all, func(older news.Item) bool { return older.Incident == newer.Incident })
	if i < 0 {
		return append(all, newer)
	}
	newer.Count += all[i].Count
	newer.Severity = news.Worse(all[i].Severity, newer.Severity)
	newer.GaveUp = union(all[i].GaveUp, newer.GaveUp)
	all[i] = newer
	return all
}

// foldItems makes one item without an incident of those that are too many: the oldest, and of them first those in which
// nothing was given up.
func foldItems(all []news.Item) []news.Item {
	over := len(all) - mostItems
	if over <= 0 {
		return all
	}
	var order []int
	for i := range all {
		order = append(order, i)
	}
	loss := func(i int) int {
		switch {
		case all[i].Incident == "":
			return 0
		case len(all[i].GaveUp) == 0:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(loss(a), loss(b)) })
	order = order[:over+1] // they become one
	slices.Sort(order)
	var fold, rest []news.Item
	for i, item := range all {
		if _, found := slices.BinarySearch(order, i); !found {
			rest = append(rest, item)
			continue
		}
		if item.Incident != "" {
			item.Incident, item.Subject, item.Last = "", "other incidents", item.Subject+": "+item.Last
		}
		fold = addItem(fold, item)
	}
	return append(fold, rest...)
}

// union is all of a and then what only b has.
func union(a, b []spec.CloneID) []spec.CloneID {
	if len(b) == 0 {
		return a
	}
	have := make(map[spec.CloneID]bool, len(a)+len(b))
	for _, id := range a {
		have[id] = true
	}
	all := slices.Clone(a)
	for _, id := range b {
		if !have[id] {
			have[id], all = true, append(all, id)
		}
	}
	return all
}
