package control

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/dcousineau/phorever/actors/event"
)

// news is an event on its way to one follower, with how many were lost before it because the follower reads too slowly.
type news struct {
	record event.Record
	missed int
}

// events writes one object a line: the last ones, and with follow those that come.
func (d *door) events(w http.ResponseWriter, r *http.Request) {
	var order targetsOrder
	if !understood(w, r, &order) {
		return
	}
	coming := make(chan news, 64)
	gone := make(chan struct{})
	if order.Follow {
		cancel := d.system.Subscribe(func(e event.Record, missed int) {
			select {
			case coming <- news{e, missed}: // waits while the follower does not read; the system counts what it then drops
			case <-gone:
			}
		})
		defer cancel()
		defer close(gone)
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	encoder := json.NewEncoder(w)
	told := map[string]bool{} // subscribed before the list was read, so that nothing falls between; some come twice
	for _, e := range d.system.Events() {
		if encoder.Encode(d.local(e)) != nil {
			return
		}
		told[e.ID] = true
	}
	tell := func(n news) error {
		if n.missed > 0 {
			if err := encoder.Encode(d.local(gap(n))); err != nil {
				return err
			}
		}
		if told[n.record.ID] {
			return nil
		}
		return encoder.Encode(d.local(n.record))
	}
	flusher := http.NewResponseController(w)
	for order.Follow {
		if len(coming) == 0 {
			_ = flusher.Flush()
		}
		select {
		case n := <-coming:
			if tell(n) != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-d.closed:
			for {
				select {
				case n := <-coming:
					if tell(n) != nil {
						return
					}
				default:
					return
				}
			}
		}
	}
}

// gap stands in a stream for the events that its reader was too slow for. It belongs to this reader alone: it is no event
// of the daemon.
func gap(n news) event.Record {
	return event.Record{
		V: n.record.V, ID: n.record.ID + "-gap", Time: n.record.Time, Event: "events.missed", Severity: event.Warning,
		Message: fmt.Sprintf("%d events came faster than they were read and are missing here", n.missed),
	}
}

// local is the event with its time in the configured time zone.
func (d *door) local(e event.Record) event.Record {
	if config, _ := d.system.Config(); config != nil {
		return e.In(config.Timezone)
	}
	return e
}
