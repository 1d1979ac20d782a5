package channel

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

const (
	dialWithin      = 5 * time.Second
	handshakeWithin = 5 * time.Second
	headersWithin   = 10 * time.Second
	// bodyWithin is how long the rest of an answer may take. Its status has told all that matters by then.
	bodyWithin = 2 * time.Second

	mostAnswer    = 16 << 10
	mostHeaders   = 32 << 10
	mostRedirects = 3
	// mostTold is how many bytes of an answer are passed on.
	mostTold = 200

	// busyFor is how long a service is left alone that has had enough and does not say for how long.
	busyFor = 30 * time.Second
	// mostDelay keeps a server that is out of its mind from silencing a channel for years.
	mostDelay = 24 * time.Hour
)

// transport is the one of all channels. It is not http.DefaultTransport, which waits for an answer without end.
var transport = sync.OnceValue(newTransport)

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialWithin, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    handshakeWithin,
		ResponseHeaderTimeout:  headersWithin,
		MaxResponseHeaderBytes: mostHeaders,
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true, // news is rare, and a connection that waits for the next one may be dead by then
		DisableCompression:     true, // a few KiB can unpack to a few GiB
	}
}

// poster posts to one address and knows what of it nobody may read.
type poster struct {
	address *url.URL // without userinfo
	login   string   // an Authorization header, "" for none
	hidden  secrets
	client  *http.Client
	now     func() time.Time
}

// newPoster makes one for an address; hide are further texts that no error and no answer may show.
func newPoster(address string, now func() time.Time, hide ...string) (*poster, error) {
	hidden := newSecrets(append(secretsOf(address), hide...))
	u, err := url.Parse(address)
	if err != nil {
		var outer *url.Error // its text is the whole address
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return nil, fmt.Errorf("no address: %s", hidden.hide(err.Error()))
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("no address: it must begin with https://HOST or http://HOST")
	}
	p := &poster{address: u, hidden: hidden, now: now}
	if u.User != nil {
		// As a header it survives a redirect, and no *url.Error prints it.
		password, _ := u.User.Password()
		p.login = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
		u.User = nil
	}
	p.client = &http.Client{Transport: transport(), CheckRedirect: p.redirect}
	return p, nil
}

// post sends body and tells what was answered. It returns when ctx ends.
func (p *poster) post(ctx context.Context, header http.Header, body []byte) (string, error) {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(reading, http.MethodPost, p.address.String(), bytes.NewReader(body))
	if err != nil {
		return "", news.Refusal{Err: fmt.Errorf("%s: no request can be made", p.address.Host)}
	}
	request.Header = header.Clone()
	if p.login != "" && header.Get("Authorization") == "" {
		request.Header.Set("Authorization", p.login)
	}
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	within := remaining(ctx)
	response, err := p.client.Do(request)
	if err != nil {
		return "", explain(ctx, err, p.address.Host, within, p.hidden)
	}
	defer response.Body.Close()
	timer := time.AfterFunc(bodyWithin, cancel)
	defer timer.Stop()
	answer, _ := describe(response, p.hidden)
	return answer, judge(response, p.address.Host, answer, p.now())
}

// redirect follows the ones that bring the message to the same server. Elsewhere the address and what it holds are nobody's
// business, and after a 301, 302 or 303 Go asks again without the message, whose answer would look like a delivery.
func (p *poster) redirect(next *http.Request, before []*http.Request) error {
	first := before[0]
	from, to := origin(first.URL), origin(next.URL)
	switch {
	case from != to:
		return news.Refusal{Err: fmt.Errorf("%s: it redirects to %s", first.URL.Host, shortened(news.Printable(p.hidden.hide(to)), mostTold))}
	case next.Method != first.Method:
		return news.Refusal{Err: fmt.Errorf("%s: answered %s, a redirect that loses the message", first.URL.Host, status(next.Response.StatusCode))}
	case len(before) > mostRedirects:
		return news.Refusal{Err: fmt.Errorf("%s: more than %d redirects", first.URL.Host, mostRedirects)}
	}
	return nil
}

// origin is the scheme, the host and the port of an address.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host := u.Hostname()
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return u.Scheme + "://" + strings.ToLower(host)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// remaining is how long ctx lasts, 0 for without end.
func remaining(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	left := time.Until(deadline)
	if left >= time.Second {
		return left.Round(time.Second)
	}
	return left.Round(10 * time.Millisecond)
}

// describe is the status and the first line of an answer, harmless and short, and as much of its body as may be held.
func describe(response *http.Response, hidden secrets) (answer string, body []byte) {
	// An error while reading changes nothing: the status has come.
	body, _ = io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	answer = status(response.StatusCode)
	if line = strings.TrimSpace(news.Printable(hidden.hide(line))); line != "" {
		answer += ": " + line
	}
	return shortened(answer, mostTold), body
}

// status is the number and what the standard calls it: the server's own words for it are not to be trusted.
func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// judge tells what an answer means for the message: nil for delivered.
func judge(response *http.Response, host, answer string, now time.Time) error {
	code := response.StatusCode
	if code >= 200 && code <= 299 {
		return nil
	}
	err := fmt.Errorf("%s: answered %s", host, answer)
	switch code {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if after := retryAfter(response.Header.Get("Retry-After"), now); after > 0 {
			return news.Delay{After: after, Err: err}
		}
		if code == http.StatusTooManyRequests {
			return news.Delay{After: busyFor, Err: err}
		}
		return err
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return err
	}
	if code >= 500 {
		return err
	}
	return news.Refusal{Err: err}
}

// retryAfter reads the header's two forms, seconds and a date; 0 for none.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, mostDelay)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), mostDelay)
	}
	return 0
}

// shortened is at most so many bytes of a text, cut between two runes.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most - len("…")
	for end > 0 && text[end]&0xc0 == 0x80 {
		end--
	}
	return text[:end] + "…"
}
