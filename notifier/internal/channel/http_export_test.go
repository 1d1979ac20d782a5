package channel

import (
	"net/http"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

// What the tests of the channels over HTTP look at.
var (
	Bound       = bound
	Plain       = plain
	ServiceText = serviceText
	Shortened   = shortened
	Titled      = titled
	ErrTooLong  = errTooLong
)

// SlackPayload is what a message is posted as.
func SlackPayload(m news.Message, now time.Time) any { return slackPayload(m, now) }

// Secrets makes what hides texts.
func Secrets(texts ...string) func(string) string { return newSecrets(texts).hide }

// ByWayOf makes a channel send over another transport.
func ByWayOf(c news.Channel, t http.RoundTripper) {
	switch c := c.(type) {
	case slack:
		c.poster.client.Transport = t
	case webhook:
		c.poster.client.Transport = t
	case *telegram:
		c.poster.client.Transport = t
	}
}
