package channel

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/discord"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/mattermost"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/rocketchat"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/incident/pagerduty"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/gotify"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ntfy"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/pushover"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// courier carries the requests of one send under our rules: they end with its context, little is read of an answer, and the
// first failure is the last request, because the outbox is who tries again.
type courier struct {
	ctx    context.Context
	within time.Duration
	base   http.RoundTripper
	hidden secrets
	now    func() time.Time

	err    error  // of the request that failed
	answer string // of the last one that did not
}

// trusting does not look at certificates, for whoever has asked for that in the URL.
var trusting = sync.OnceValue(func() *http.Transport {
	t := newTransport()
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	return t
})

// serve makes a service send by this courier. Most do not let us: they use http.DefaultClient, or a client of their own that
// has http.DefaultTransport.
func (c *courier) serve(s types.Service) {
	client := &http.Client{Transport: c}
	switch s := s.(type) {
	case *discord.Service:
		s.HTTPClient, s.Sleeper = client, awake{}
	case *gotify.Service:
		if s.Config.DisableTLS || s.Config.InsecureSkipVerify {
			c.base = trusting()
		}
		s.GetHTTPClient().Transport = c
	case *mattermost.Service:
		s.GetHTTPClient().Transport = c
	case *ntfy.Service:
		if s.Config.DisableTLSVerification {
			c.base = trusting()
		}
		s.SetHTTPClient(client)
	case *pagerduty.Service:
		s.SetHTTPClient(client)
	case *pushover.Service:
		s.Client = client
	case *rocketchat.Service:
		s.Client = client
	}
}

// awake is a Sleeper that does not: who waits between two attempts cannot be stopped.
type awake struct{}

// Sleep returns at once.
func (awake) Sleep(time.Duration) {}

// RoundTrip carries one request and brings back its answer whole.
func (c *courier) RoundTrip(request *http.Request) (*http.Response, error) {
	if c.err != nil {
		if request.Body != nil {
			request.Body.Close()
		}
		return nil, c.err
	}
	ctx, cancel := context.WithCancel(request.Context())
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	response, err := c.base.RoundTrip(request.Clone(ctx))
	if err != nil {
		c.err = explain(c.ctx, err, request.URL.Host, c.within, c.hidden)
		return nil, c.err
	}
	defer response.Body.Close()
	timer := time.AfterFunc(bodyWithin, cancel)
	defer timer.Stop()
	answer, body := describe(response, c.hidden)
	if c.err = judge(response, request.URL.Host, answer, c.now()); c.err != nil {
		return nil, c.err
	}
	c.answer = answer
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return response, nil
}

const (
	// defaultWithin is how long a connection of the default transport lives, its one request and the answer included.
	defaultWithin = 30 * time.Second
	// mostDefault is how many bytes may come over it.
	mostDefault = 1 << 20
)

// boundDefault puts limits on http.DefaultTransport, once, before the first service sends: most of them would wait for an answer
// for ever, take all of an endless one into memory, and believe a page to which they were redirected. Nobody else in this program
// uses it.
var boundDefault = sync.OnceFunc(func() {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		bound(t)
	}
	http.DefaultClient.CheckRedirect = (&poster{}).redirect
})

func bound(t *http.Transport) {
	dial := (&net.Dialer{Timeout: dialWithin}).DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if err := conn.SetDeadline(time.Now().Add(defaultWithin)); err != nil {
			conn.Close()
			return nil, err
		}
		return &boundConn{Conn: conn, left: mostDefault}, nil
	}
	t.TLSHandshakeTimeout, t.ResponseHeaderTimeout = handshakeWithin, headersWithin
	t.MaxResponseHeaderBytes = mostHeaders
	t.DisableCompression = true
	t.DisableKeepAlives = true // the deadline is one of a connection
}

var errTooLong = errors.New("the answer is too long")

// boundConn ends after so many bytes.
type boundConn struct {
	net.Conn
	left int
}

// Read fails when there were too many.
func (c *boundConn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooLong
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}
