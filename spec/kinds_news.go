package spec

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
)

// EventNames are the names of all events, as they stand in "on".
var EventNames = []string{
	"process.started", "process.ready", "process.exited", "process.restart_scheduled", "process.gave_up", "process.recovered",
	"process.stopped", "process.paused", "process.resumed", "process.healthy", "process.unhealthy", "process.recycled",
	"process.runaway", "process.growing", "process.flapping", "role.started", "role.stopped", "config.applied", "config.rejected",
	"daemon.started", "daemon.stopping", "daemon.upgraded", "daemon.recovered", "daemon.fault", "log.dropped", "log.troubled",
	"notification.failed", "tick.5", "tick.60", "tick.3600",
}

// severities, mildest first.
var severities = []string{"info", "warning", "error"}

// The kinds of what is told.
var (
	sinkNameKind = &kind{name: "name", wants: "a name", check: checkSinkName, schema: `{"type":"string","pattern":"^[\\p{L}\\p{Nd}][\\p{L}\\p{Nd}_. -]*$"}`}

	webAddressKind = secretKind("web address", `an address such as "https://example.com/…"`, checkWebAddress)

	headersKind = &kind{name: "object of texts", wants: `an object of texts, {"Name": "value"}`, check: checkHeaders, secret: true,
		schema: `{"type":"object","additionalProperties":{"type":"string"}}`}

	mailboxKind   = &kind{name: "mail address", wants: `a mail address such as "Ops <ops@example.com>"`, check: checkMailbox, schema: `{"type":"string","minLength":3}`}
	mailboxesKind = &kind{name: "mail address or list of mail addresses", wants: "a mail address, or a list of them", check: oneOrMore(mailboxKind),
		schema: `{"anyOf":[` + mailboxKind.schema + `,{"type":"array","minItems":1,"items":` + mailboxKind.schema + `}]}`}

	selectorKind  = &kind{name: "selector", wants: `the name of an event, a pattern, "severity>=warning" or "crash"`, check: checkSelector, schema: `{"type":"string","minLength":1}`}
	selectorsKind = &kind{name: "selector or list of selectors", wants: selectorKind.wants + ", or a list of them", check: oneOrMore(selectorKind),
		schema: `{"anyOf":[` + selectorKind.schema + `,{"type":"array","minItems":1,"items":` + selectorKind.schema + `}]}`}

	clockKind = &kind{name: "time of day", wants: `a time of day such as "22:00"`, check: checkClock, schema: `{"type":"string","pattern":"^([01]?\\d|2[0-3]):[0-5]\\d$"}`}
)

// oneOrMore checks a value of a kind, or a list of them that is not empty.
func oneOrMore(element *kind) func(k *kind, r *report, n *node) {
	return func(k *kind, r *report, n *node) {
		switch {
		case n.is(kindString):
			element.check(element, r, n)
		case !n.is(kindList) || len(n.items) == 0:
			k.refuse(r, n, "")
		default:
			for _, item := range n.items {
				element.check(element, r, item)
			}
		}
	}
}

// texts are those of one text or a list.
func (n *node) texts() (all []string) {
	if n.is(kindString) {
		return []string{n.text}
	}
	if n.is(kindList) {
		for _, item := range n.items {
			all = append(all, item.string())
		}
	}
	return all
}

func checkSinkName(k *kind, r *report, n *node) {
	checkText(k, r, n)
	if n.is(kindString) && n.text != "" {
		checkNameText(r, n.place, n.path(), n.text, "destination")
	}
}

func checkWebAddress(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("is no web address")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New(`must begin with "https://"`)
	case u.Hostname() == "":
		return errors.New("names no host")
	}
	return nil
}

func checkMailServer(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("is no address of a mail server: write percent signs and the like in a password as %25")
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return errors.New(`must begin with "smtp://" or "smtps://"`)
	case u.Hostname() == "":
		return errors.New("names no host")
	}
	return nil
}

func checkServiceAddress(text string) error {
	scheme, rest, found := strings.Cut(text, "://")
	if !found || scheme == "" || rest == "" {
		return errors.New(`is no address such as "ntfy://ntfy.sh/my-topic"`)
	}
	return nil
}

func checkHeaders(k *kind, r *report, n *node) {
	if !n.is(kindObject) {
		r.errorAt(n, "must be "+k.wants, "")
		return
	}
	for _, m := range n.members {
		if m.key == "" || strings.ContainsFunc(m.key, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, c) }) {
			r.error(m.at, m.value.path(), "is no name of a header", "")
		}
		switch {
		case !m.value.is(kindString):
			r.errorAt(m.value, "must be a text", "")
		case strings.ContainsAny(m.value.text, "\r\n\x00"):
			r.errorAt(m.value, "must be a single line", "")
		default:
			headerValue.check(headerValue, r, m.value)
		}
	}
}

var headerValue = secretKind("text", "a text", nil)

func checkMailbox(k *kind, r *report, n *node) {
	checkText(k, r, n)
	if !n.is(kindString) || n.text == "" {
		return
	}
	if _, err := mail.ParseAddress(n.text); err != nil || strings.ContainsAny(n.text, "\r\n") {
		k.refuse(r, n, "")
	}
}

// minSeverity is the severity of "severity>=warning".
func minSeverity(text string) (severity string, is bool) {
	left, right, found := strings.Cut(text, ">=")
	return strings.TrimSpace(right), found && strings.TrimSpace(left) == "severity"
}

func checkSelector(k *kind, r *report, n *node) {
	checkText(k, r, n)
	if !n.is(kindString) || n.text == "" || n.text == "crash" {
		return
	}
	if severity, is := minSeverity(n.text); is {
		if !slices.Contains(severities, severity) {
			r.errorAt(n, fmt.Sprintf("unknown severity %q", severity), `they are "info", "warning" and "error"`)
		}
		return
	}
	for _, name := range EventNames {
		if matches(n.text, name) {
			return
		}
	}
	hint := didYouMean(n.text, append([]string{"crash"}, EventNames...))
	if strings.Contains(n.text, "*") {
		r.errorAt(n, fmt.Sprintf("no event has a name like %q", n.text), hint)
		return
	}
	r.errorAt(n, fmt.Sprintf("unknown event %q", n.text), orElse(hint, `patterns such as "process.*" are allowed; "severity>=warning" and "crash" are too`))
}

// matches tells whether a name is that of a pattern, in which * is any text.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

func checkClock(k *kind, r *report, n *node) {
	if !n.is(kindString) {
		k.refuse(r, n, "")
		return
	}
	if _, err := clock(n.text); err != nil {
		k.refuse(r, n, "")
	}
}

// clock is a time of day since midnight.
func clock(text string) (time.Duration, error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, errors.New("no time of day")
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}
