package channel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/matrix"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

const (
	// serviceMost is how many characters a service gets. Discord takes 2,000.
	serviceMost = 1900
	// serviceFlights is how many sends of one channel may be under way, where they outlive their context.
	serviceFlights = 2
)

// serviceLimits are the services that take less than Discord.
var serviceLimits = map[string]int{"pagerduty": 1000, "pushover": 1000}

// titled are the services that have a place for a title. The others take one for a mistake.
var titled = []string{
	"bark", "discord", "generic", "gotify", "ifttt", "join", "lark", "matrix", "mattermost", "notifiarr", "ntfy", "opsgenie",
	"pushbullet", "pushover", "slack", "smtp", "teams",
}

// hosted are the services whose URL names a server. In any other the host is a token.
var hosted = []string{
	"bark", "generic", "googlechat", "gotify", "hangouts", "lark", "matrix", "mattermost", "ntfy", "opsgenie", "pagerduty",
	"rocketchat", "signal", "smtp", "zulip",
}

// service sends by way of shoutrrr, which knows no context: what outlives one is left behind, and there are few of them.
type service struct {
	address *url.URL
	scheme  string
	hidden  secrets
	title   bool
	most    int
	now     func() time.Time
	flights chan struct{}
}

// NewService makes the channel to a service of shoutrrr.
func NewService(address spec.Secret, now func() time.Time) (news.Channel, error) {
	u, scheme, hidden, err := parseService(address.Reveal())
	if err != nil {
		return nil, err
	}
	if err := hidden.conceal(scheme, checkService(u, scheme)); err != nil {
		return nil, err
	}
	if scheme == "telegram" {
		return newTelegram(u, hidden, now)
	}
	boundDefault()
	s := &service{address: u, scheme: scheme, hidden: hidden, most: serviceMost, now: now, flights: make(chan struct{}, serviceFlights)}
	if most, ok := serviceLimits[scheme]; ok {
		s.most = most
	}
	query := u.Query()
	s.title = slices.Contains(titled, scheme) && !query.Has("title") && !query.Has("subject")
	return s, nil
}

// CheckServiceURL tells what is wrong with a URL of shoutrrr. It asks nobody, and no secret is in the error.
func CheckServiceURL(address string) error {
	u, scheme, hidden, err := parseService(address)
	if err != nil {
		return err
	}
	return hidden.conceal(scheme, checkService(u, scheme))
}

// Send hands the message to the service and returns when that does, or when ctx ends.
func (s *service) Send(ctx context.Context, m news.Message) (string, error) {
	select {
	case s.flights <- struct{}{}:
	default:
		return "", fmt.Errorf("%s: the earlier send has not returned", s.scheme)
	}
	now := s.now()
	c := &courier{ctx: ctx, within: remaining(ctx), base: transport(), hidden: s.hidden, now: s.now}
	text, params := serviceText(m, now, s.most), types.Params{}
	if s.title {
		params.SetTitle(plain(strings.TrimSpace(news.Sign(m) + " Phorever " + m.Host)))
	}
	returned := make(chan error, 1)
	go func() {
		err := hand(s.address, s.scheme, c, text, params)
		<-s.flights
		returned <- err
	}()
	select {
	case err := <-returned:
		return s.outcome(ctx, c, err)
	case <-ctx.Done():
		return "", explain(ctx, ctx.Err(), s.scheme, c.within, s.hidden)
	}
}

// outcome prefers what the courier saw: it is exact, and in our words.
func (s *service) outcome(ctx context.Context, c *courier, err error) (string, error) {
	switch {
	case ctx.Err() != nil && err != nil:
		return "", explain(ctx, ctx.Err(), s.scheme, c.within, s.hidden)
	case c.err != nil:
		return "", c.err
	case c.answer != "": // it has taken the message, whatever the library thinks of its words
		return c.answer, nil
	case err != nil:
		return "", meant(err, s.hidden.conceal(s.scheme, err))
	}
	return "sent", nil
}

// statusText is how the services tell which answer they got.
var statusText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)status[^0-9\n]{0,24}\b([345][0-9][0-9])\b`) })

// meant is the verdict on an error in a service's own words, of which told is what may be told.
func meant(err, told error) error {
	found := statusText().FindStringSubmatch(err.Error())
	if found == nil {
		return told
	}
	code, _ := strconv.Atoi(found[1])
	switch {
	case code == http.StatusTooManyRequests:
		return news.Delay{After: busyFor, Err: told}
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= 500:
		return told
	}
	return news.Refusal{Err: told}
}

// conceal is an error with the secrets taken out, nil for nil.
func (s secrets) conceal(scheme string, err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(s.hide(err.Error()), scheme+": ")
	return fmt.Errorf("%s: %s", scheme, shortened(news.Printable(text), mostTold))
}

// parseService also says what must never be told of the address. In many of these URLs even the host is a token, and services
// take tokens apart and print the pieces.
func parseService(address string) (u *url.URL, scheme string, hidden secrets, err error) {
	scheme, rest, _ := strings.Cut(address, ":")
	scheme, _, _ = strings.Cut(scheme, "+")
	found := secretsOf(address)
	u, err = url.Parse(address)
	if err != nil {
		scheme = "url"
		found = append(found, words(address)...)
		var outer *url.Error // its text is the whole address
		if errors.As(err, &outer) {
			err = outer.Err
		}
	} else {
		for _, text := range slices.Clone(found) {
			if text != address && text != u.String() {
				found = append(found, words(text)...)
			}
		}
		if !slices.Contains(hosted, strings.ToLower(scheme)) && u.Host != u.Scheme {
			found = append(append(found, u.Host, u.Hostname()), words(u.Host)...)
		}
		if rest == "" || scheme == "" {
			err = errors.New("it must begin with a service's name, like ntfy://")
			scheme = "url"
		}
	}
	hidden = newSecrets(found)
	return u, strings.ToLower(scheme), hidden, hidden.conceal("url", err)
}

// checkService is open without a word to anybody.
func checkService(u *url.URL, scheme string) (err error) {
	defer caught(&err)
	switch scheme {
	case "matrix": // its Initialize logs in
		copied := *u
		return (&matrix.Config{}).SetURL(&copied)
	case "logger":
		return errors.New("it tells nobody")
	case "telegram":
		_, err = newTelegram(u, secrets{}, time.Now)
		return err
	}
	_, err = open(u, scheme)
	return err
}

// open makes a service of its own for each message: most write the title into their configuration, without a lock.
func open(u *url.URL, scheme string) (types.Service, error) {
	address := *u // some change it
	s, err := (&router.ServiceRouter{}).NewService(scheme)
	if err != nil {
		return nil, err
	}
	own := &address
	if custom, ok := s.(types.CustomURLService); ok && strings.Contains(address.Scheme, "+") {
		if own, err = custom.GetConfigURLFromCustom(&address); err != nil {
			return nil, err
		}
	} else if strings.Contains(address.Scheme, "+") {
		return nil, fmt.Errorf("there is no %q", address.Scheme)
	}
	return s, s.Initialize(own, nil)
}

// hand gives a message to the service and returns when that has sent it.
func hand(u *url.URL, scheme string, c *courier, text string, params types.Params) (err error) {
	defer caught(&err)
	s, err := open(u, scheme)
	if err != nil {
		return err
	}
	c.serve(s)
	return s.Send(text, &params)
}

// caught makes an error of a panic: some services have one where no connection can be made, and the daemon must live on.
func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("it panicked: %v", r)
	}
}

// serviceText is the message as text of at most so many characters. The headline and the fields stay, of the log the newest
// lines.
func serviceText(m news.Message, now time.Time, most int) string {
	const apart = 64 // for the heading of the log and for how much is left out
	m.Headline = cut(m.Headline, 300)
	items, tail := m.Items, m.Event.LogTail
	m.Items, m.Event.LogTail = nil, nil
	room := most - apart - utf8.RuneCountInString(serviceLines(m.Plain(now)))
	fits := func(line string) bool {
		room -= len("\n- ") + utf8.RuneCountInString(plain(line))
		return room >= 0
	}
	for _, item := range items {
		if !fits(item.String()) {
			break
		}
		m.Items = append(m.Items, item)
	}
	for _, line := range slices.Backward(tail) {
		if line = cut(line, 500); !fits(line) {
			break
		}
		m.Event.LogTail = append(m.Event.LogTail, line)
	}
	slices.Reverse(m.Event.LogTail)
	text := serviceLines(m.Plain(now))
	if left := len(items) - len(m.Items) + len(tail) - len(m.Event.LogTail); left > 0 {
		text += fmt.Sprintf("\n(%d more lines left out)", left)
	}
	return cut(text, most)
}

func serviceLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = plain(line)
	}
	return strings.Join(lines, "\n")
}

// cut is at most so many characters of a text.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
