package notifier

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// mostProcesses is how many clones an incident remembers by name.
const mostProcesses = 100

// incident is what one cause has done, and what of it was told. It is kept as JSON.
type incident struct {
	ID        string                `json:"id,omitempty"` // of the message that has opened it; "" while none has
	Subject   string                `json:"subject"`
	Severity  event.Severity        `json:"severity"`
	Since     time.Time             `json:"since"`
	Count     int                   `json:"count"`
	Fresh     int                   `json:"fresh"`    // of them not told
	Restarts  int                   `json:"restarts"` // ends that were failures
	Last      event.Record          `json:"last"`
	Processes []spec.CloneID        `json:"processes,omitempty"`
	GaveUp    []spec.CloneID        `json:"gave_up,omitempty"`   // not told
	Escalated bool                  `json:"escalated,omitempty"` // that something was given up was told
	Down      map[spec.CloneID]bool `json:"down,omitempty"`      // what is not well
	Fails     bool                  `json:"fails,omitempty"`     // something was not well, so that there is an end to tell
	Well      time.Time             `json:"well,omitzero"`       // since when nothing is down
	Over      bool                  `json:"over,omitempty"`      // the end is to be told
	Told      time.Time             `json:"told,omitzero"`
	ToldID    string                `json:"told_id,omitempty"` // of the event that was told last
	Due       time.Time             `json:"due,omitzero"`      // when the next message goes out, zero: none is planned
	Newest    time.Time             `json:"newest"`
}

// note takes an event in that is to be told.
func (i *incident) note(r event.Record) {
	i.Count++
	i.Fresh++
	i.Last, i.Newest = r, r.Time
	i.Severity = news.Worse(i.Severity, r.Severity)
	if r.Process == "" {
		return
	}
	if !slices.Contains(i.Processes, r.Process) && len(i.Processes) < mostProcesses {
		i.Processes = append(i.Processes, r.Process)
	}
	if r.Event == "process.gave_up" && !slices.Contains(i.GaveUp, r.Process) {
		i.GaveUp = append(i.GaveUp, r.Process)
	}
}

// down notes that something is not well.
func (i *incident) down(id spec.CloneID) {
	if i.Down == nil {
		i.Down = map[spec.CloneID]bool{}
	}
	i.Down[id], i.Fails, i.Well, i.Over = true, true, time.Time{}, false
}

// up notes that it is, and says whether everything is.
func (i *incident) up(id spec.CloneID, at time.Time) bool {
	delete(i.Down, id)
	if len(i.Down) > 0 || !i.Fails {
		return false
	}
	if i.Well.IsZero() {
		i.Well = at
	}
	return true
}

// message is what is told now, apart from what every message has.
func (i *incident) message(kind news.Kind) news.Message {
	m := news.Message{
		Kind: kind, Incident: i.ID, Severity: i.Last.Severity, Time: i.Newest, Since: i.Since, Event: i.Last, Count: i.Count, Fresh: i.Fresh,
		Processes: slices.Clone(i.Processes), GaveUp: slices.Clone(i.GaveUp),
	}
	slices.Sort(m.Processes)
	slices.Sort(m.GaveUp)
	switch kind {
	case news.End:
		m.Headline, m.Severity, m.Time = i.end(), event.Info, i.Well
	case news.Update:
		m.Headline, m.Severity = i.update(), i.Severity
	case news.First, news.Digest, news.Sample:
		m.Headline = i.Last.Message
		if i.Over { // all of it was held back
			m.Headline = i.end()
		} else if i.Count > 1 {
			m.Headline = i.update()
		}
	}
	return m
}

func (i *incident) update() string {
	text := fmt.Sprintf("%s: %s since %s, now: %s", i.Subject, news.Counted(i.Count, "event"), i.Since.Format("15:04:05"), i.Last.Message)
	if len(i.GaveUp) > 1 || len(i.GaveUp) == 1 && i.Last.Event != "process.gave_up" {
		text = fmt.Sprintf("gave up on %s; %s", news.Named(i.GaveUp, len(i.GaveUp)), text)
	}
	return text
}

func (i *incident) end() string {
	text := fmt.Sprintf("%s recovered after %s", i.Subject, spec.FormatDuration(max(i.Well.Sub(i.Since), 0).Round(time.Second)))
	if strings.HasPrefix(i.Subject, "log of ") {
		return i.Last.Message
	}
	if i.Restarts > 0 {
		text += ", " + news.Counted(i.Restarts, "restart")
	}
	return text
}

// repeats says whether there is nothing to tell but that it goes on.
func (i *incident) repeats() bool {
	return i.ID != "" && !i.Over && (i.Escalated || len(i.GaveUp) == 0)
}

// item is what a digest tells of it.
func (i *incident) item() news.Item {
	item := news.Item{Incident: i.ID, Subject: i.Subject, Severity: i.Severity, Count: i.Fresh, Last: i.Last.Message, GaveUp: slices.Clone(i.GaveUp)}
	if i.Over {
		item.Last = i.end()
	}
	slices.Sort(item.GaveUp)
	return item
}

// told notes that everything was.
func (i *incident) told(now time.Time, id string) {
	if i.ID == "" {
		i.ID = id
	}
	i.Escalated = i.Escalated || len(i.GaveUp) > 0
	i.Fresh, i.GaveUp, i.Told, i.Due, i.ToldID = 0, nil, now, time.Time{}, i.Last.ID
}
