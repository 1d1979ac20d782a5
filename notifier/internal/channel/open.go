package channel

import (
	"context"
	"errors"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// Open makes the channel of a sink whose secrets are resolved.
func Open(sink spec.Sink, now func() time.Time) (news.Channel, error) {
	switch sink.Kind() {
	case "slack":
		return NewSlack(sink.Slack, now)
	case "email":
		return NewEmail(*sink.Email, now)
	case "webhook":
		return NewWebhook(*sink.Webhook, now)
	}
	return NewService(sink.URL, now)
}

// lazy opens its channel when there is something to send, and anew when a service has refused that: what is secret may have
// changed meanwhile.
type lazy struct {
	sink    spec.Sink
	resolve func(spec.Sink) (spec.Sink, error)
	channel news.Channel
}

// NewLazy makes the channel of a sink whose secrets are looked for when there is something to send.
func NewLazy(sink spec.Sink, resolve func(spec.Sink) (spec.Sink, error)) news.Channel {
	return &lazy{sink: sink, resolve: resolve}
}

// Send is the channel's.
func (l *lazy) Send(ctx context.Context, m news.Message) (answer string, err error) {
	if l.channel == nil {
		resolved, err := l.resolve(l.sink)
		if err != nil {
			return "", err
		}
		if l.channel, err = Open(resolved, time.Now); err != nil {
			return "", err
		}
	}
	answer, err = l.channel.Send(ctx, m)
	if refused := (news.Refusal{}); errors.As(err, &refused) {
		l.channel = nil
	}
	return answer, err
}
