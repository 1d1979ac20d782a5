package notifier

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/channel"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/notifier/internal/outbox"
	"github.com/dcousineau/phorever/spec"
)

// Listed is a message that waits for its delivery, or that has failed for good, and its sink.
type Listed = outbox.Listed

// OfficeOptions are what an office needs.
type OfficeOptions struct {
	Path     string                                // of the outbox, in a directory that exists
	Host     string                                // as people know this machine
	Resolve  func(spec.Sink) (spec.Sink, error)    // puts secrets in
	Announce func(event.Fact)                      // must not block
	Warn     func(format string, arguments ...any) // for the daemon's log
	Silences []Silence                             // that an earlier office had
	Silenced func([]Silence)                       // is told when they change
}

// Office brings events to all sinks: each has a desk, which decides what is told, and a courier, which brings it.
//
// Guarantees: Deliver never blocks, and no sink holds up another. What a desk has decided to tell is in the outbox, which survives us,
// before it is sent, and stays there until it is delivered, or has failed for good.
//
// Non-guarantees: events that were not heard yet when we are killed are lost; so is what is told twice because we were killed between a delivery
// and its being written down, which has the same id.
type Office struct {
	options OfficeOptions

	mu       sync.Mutex
	outbox   *outbox.Outbox // nil while there is no sink
	desks    []*desk
	project  string
	zone     *time.Location
	silences []Silence
	closed   bool
}

// NewOffice makes an office without sinks.
func NewOffice(options OfficeOptions) *Office {
	return &Office{options: options, silences: options.Silences}
}

// Configure makes the sinks those of a configuration. One that has not changed goes on undisturbed.
func (o *Office) Configure(config *spec.Config) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || len(config.Notify) == 0 && o.outbox == nil {
		return
	}
	if o.outbox == nil {
		outbox, ignored, err := outbox.OpenOutbox(o.options.Path)
		if ignored != "" {
			o.options.Warn("notify: %s", ignored)
		}
		if err != nil {
			o.options.Announce(event.NotificationFailed{Why: "nothing can be told: " + err.Error(), Final: true})
			return
		}
		o.outbox = outbox
	}
	same := o.project == config.Directory && o.zone == config.Timezone
	o.project, o.zone = config.Directory, config.Timezone
	kept := map[string]*desk{}
	for _, d := range o.desks {
		if i := slices.IndexFunc(config.Notify, func(s spec.Sink) bool { return s.Name == d.sink.Name }); same && i >= 0 && reflect.DeepEqual(config.Notify[i], d.sink) {
			kept[d.sink.Name] = d
			continue
		}
		o.leave(context.Background(), []*desk{d})
	}
	o.desks = nil
	var names []string
	for _, sink := range config.Notify {
		d := kept[sink.Name]
		if d == nil {
			d = o.newDesk(sink)
		}
		o.desks = append(o.desks, d)
		names = append(names, sink.Name)
	}
	if err := o.outbox.Keep(names); err != nil {
		o.trouble(err)
	}
}

func (o *Office) newDesk(sink spec.Sink) *desk {
	stamp := Stamp{Host: o.options.Host, Project: o.project, Zone: o.zone, NewID: func() string { return ulid.Make().String() }}
	courier := outbox.NewCourier(sink.Name, channel.NewLazy(sink, o.options.Resolve), o.outbox, outbox.Hooks{Failing: o.failing, Works: o.works, Trouble: o.trouble})
	return newDesk(sink, NewGroup(sink, stamp, o.silencedUntil), courier, o.outbox, o.trouble)
}

func (o *Office) failing(sink string, m news.Message, err error, final bool) {
	o.options.Announce(event.NotificationFailed{Sink: sink, Headline: m.Headline, Why: err.Error(), Final: final})
}

func (o *Office) works(sink string, _ news.Message) { o.options.Warn("notify: %s works again", sink) }

func (o *Office) trouble(err error) { o.options.Warn("notify: %v", err) }

// Deliver hands an event to every desk. It never blocks.
func (o *Office) Deliver(r event.Record, missed int) {
	if missed > 0 {
		o.options.Warn("notify: %d events came too fast to be told", missed)
	}
	o.mu.Lock()
	desks := o.desks
	o.mu.Unlock()
	for _, d := range desks {
		d.hear(r)
	}
}

// Close takes no more events. What waits may still be delivered until ctx ends; the rest stays in the outbox.
func (o *Office) Close(ctx context.Context) {
	o.mu.Lock()
	desks, outbox := o.desks, o.outbox
	o.desks, o.outbox, o.closed = nil, nil, true
	o.mu.Unlock()
	if outbox == nil {
		return
	}
	o.leave(ctx, desks)
	if err := outbox.Close(); err != nil {
		o.trouble(err)
	}
}

// leave ends desks. Where a sink fails already nobody waits for it.
func (o *Office) leave(ctx context.Context, desks []*desk) {
	var all sync.WaitGroup
	for _, d := range desks {
		all.Go(func() {
			d.close()
			d.deliver(ctx)
			over, cancel := context.WithCancel(ctx)
			cancel()
			d.courier.Close(over)
		})
	}
	all.Wait()
}

// deliver waits for what can be delivered at once.
func (d *desk) deliver(ctx context.Context) {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		if s := d.courier.State(); s.Pending == 0 || !s.Since.IsZero() || ctx.Done() == nil {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// SinkState is how the news of one sink goes.
type SinkState struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // slack, email, webhook, url
	outbox.State
}

// State is how the news goes, by sink.
func (o *Office) State() []SinkState {
	o.mu.Lock()
	desks := o.desks
	o.mu.Unlock()
	all := make([]SinkState, 0, len(desks))
	for _, d := range desks {
		all = append(all, SinkState{d.sink.Name, d.sink.Kind(), d.courier.State()})
	}
	return all
}

// List is what waits, and what has failed for good.
func (o *Office) List() []outbox.Listed {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.outbox == nil {
		return nil
	}
	return o.outbox.List()
}

// Retry tries what waits, and what has failed for good, at once: of one sink, or of all for "". It answers how many those are.
func (o *Office) Retry(sink string) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.outbox == nil {
		return 0, nil
	}
	n, err := o.outbox.Retry(sink, time.Now())
	for _, d := range o.desks {
		d.courier.Wake()
	}
	return n, err
}

// Tried is how a sample went.
type Tried struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Answer string `json:"answer,omitempty"` // of the service
	Error  string `json:"error,omitempty"`
}

// Test sends a sample to sinks of a configuration, to all where there are no names, and answers what the services said.
func Test(ctx context.Context, config *spec.Config, names []string, host string, resolve func(spec.Sink) (spec.Sink, error)) []Tried {
	var chosen []spec.Sink
	for _, s := range config.Notify {
		if len(names) == 0 || slices.Contains(names, s.Name) {
			chosen = append(chosen, s)
		}
	}
	all := make([]Tried, len(chosen))
	var done sync.WaitGroup
	for i, s := range chosen {
		done.Go(func() {
			answer, err := channel.NewLazy(s, resolve).Send(ctx, sample(host, config.Directory, time.Now().In(config.Timezone)))
			all[i] = Tried{Name: s.Name, Kind: s.Kind(), Answer: answer}
			if err != nil {
				all[i].Error = err.Error()
			}
		})
	}
	done.Wait()
	return all
}

// Check says what is wrong with a sink whose secrets are resolved, as far as that can be seen without asking anybody.
func Check(sink spec.Sink) error {
	_, err := channel.Open(sink, time.Now)
	return err
}

func sample(host, project string, now time.Time) news.Message {
	m := news.Message{
		ID: ulid.Make().String(), Kind: news.Sample, Severity: event.Info, Time: now, Since: now, Host: host, Project: project,
		Headline: fmt.Sprintf("This is a test of Phorever on %s: news of %s arrives here", host, project),
	}
	m.Event = event.Record{V: 1, ID: m.ID, Time: now, Event: "notification.test", Severity: event.Info, Message: m.Headline}
	return m
}
