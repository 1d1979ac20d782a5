package spec

import (
	"fmt"
	"slices"
	"strings"
)

// news converts and checks "notify" and "hooks" of the main file.
func (l *loader) news(document *node) {
	ids := map[string]bool{}
	var names []string
	for _, p := range l.config.Processes {
		ids[p.ID] = true
		names = append(names, p.Name)
	}
	first := map[string]*node{}
	for _, own := range itemsOf(document.get("notify")) {
		whole := fill(shapes().child("notify").each, own)
		s := whole.sink()
		if !l.report.failed {
			l.config.Notify = append(l.config.Notify, s)
		}
		l.sinkName(own, s.Name, first)
		l.channel(own)
		l.selection(own, ids, names)
		if hours := own.get("quiet_hours"); hours.is(kindObject) {
			l.needs(hours, "from", "to")
			if s.Quiet != nil && s.Quiet.From == s.Quiet.To && hours.get("to").given() {
				l.report.errorAt(hours, "begin and end at the same time", "leave them out, or let them end later")
			}
		}
	}
	first = map[string]*node{}
	for _, own := range itemsOf(document.get("listeners")) {
		whole := fill(shapes().child("listeners").each, own)
		l.sinkName(own, whole.get("name").string(), first)
		l.needs(own, "up")
		l.selection(own, ids, names)
		if !l.report.failed {
			l.config.Listeners = append(l.config.Listeners, whole.listener())
		}
	}
	for _, own := range itemsOf(document.get("hooks")) {
		whole := fill(shapes().child("hooks").each, own)
		l.needs(own, "on", "run")
		l.selection(own, ids, names)
		if !l.report.failed {
			l.config.Hooks = append(l.config.Hooks, whole.hook())
		}
	}
}

// itemsOf are the objects of a list.
func itemsOf(list *node) (items []*node) {
	if list.is(kindList) {
		for _, item := range list.items {
			if item.is(kindObject) {
				items = append(items, item)
			}
		}
	}
	return items
}

// needs reports keys that are missing.
func (l *loader) needs(n *node, keys ...string) {
	for _, key := range keys {
		if !n.get(key).given() {
			l.report.error(n.opening(), n.child(key), "required", "")
		}
	}
}

func (l *loader) sinkName(own *node, name string, first map[string]*node) {
	at := own.get("name")
	if !at.given() {
		l.report.error(own.opening(), own.child("name"), "required", `write "name": "ops"; commands and status know it by the name`)
		return
	}
	if other := first[name]; other != nil {
		l.report.errorAt(at, fmt.Sprintf("%q stands on line %d already", name, other.line()), "give each destination a name of its own")
		return
	}
	first[name] = at
}

// channels are the keys of which a destination has one.
var channels = []string{"slack", "email", "webhook", "url"}

func (l *loader) channel(own *node) {
	var given []string
	for _, key := range channels {
		if own.get(key).given() {
			given = append(given, key)
		}
	}
	switch len(given) {
	case 0:
		l.report.error(own.opening(), own.path(), "says not where the news goes", `write one of "slack", "email", "webhook" and "url"`)
	case 1:
	default:
		l.report.errorAt(own.get(given[1]), fmt.Sprintf("%s is given already", given[0]), "make two destinations of it")
	}
	if email := own.get("email"); email.is(kindObject) {
		l.needs(email, "smtp", "from", "to")
	}
	if hook := own.get("webhook"); hook.is(kindObject) {
		l.needs(hook, "url")
	}
}

// selection warns of roles and processes that are not there.
func (l *loader) selection(own *node, ids map[string]bool, names []string) {
	if roles := own.get("roles"); roles.is(kindList) {
		var known []string
		for _, role := range l.config.Roles {
			known = append(known, role.Name)
		}
		for _, item := range roles.items {
			if name := strings.ToLower(item.string()); name != "" && !slices.Contains(known, name) {
				l.report.warnAt(item, fmt.Sprintf("there is no role %q", item.text), didYouMean(name, known))
			}
		}
	}
	if processes := own.get("processes"); processes.is(kindList) {
		for _, item := range processes.items {
			if name := item.string(); name != "" && !ids[MachineName(name)] {
				l.report.warnAt(item, fmt.Sprintf("there is no process %q", name), didYouMean(name, names))
			}
		}
	}
}

func (n *node) selectors() (all []Selector) {
	for _, text := range n.texts() {
		if severity, is := minSeverity(text); is {
			all = append(all, Selector{Severity: severity})
		} else if text == "crash" {
			all = append(all, Selector{Crash: true})
		} else {
			all = append(all, Selector{Pattern: text})
		}
	}
	return all
}

func (n *node) machineNames() (all []string) {
	for _, text := range n.texts() {
		all = append(all, MachineName(text))
	}
	return all
}

// sink converts one destination with its defaults filled in.
func (n *node) sink() Sink {
	s := Sink{
		Name: n.get("name").string(), On: n.get("on").selectors(), Roles: n.get("roles").roleNames(), Processes: n.get("processes").machineNames(),
		Window: n.get("window").seconds(), Most: n.get("limit").int(),
		Slack: Secret(n.get("slack").string()), URL: Secret(n.get("url").string()),
	}
	if hours := n.get("quiet_hours"); hours.get("from").given() {
		from, _ := clock(hours.get("from").string())
		to, _ := clock(hours.get("to").string())
		s.Quiet = &QuietHours{From: from, To: to, Except: hours.get("except").string()}
	}
	if email := n.get("email"); email.is(kindObject) {
		s.Email = &Email{SMTP: Secret(email.get("smtp").string()), From: email.get("from").string(), To: email.get("to").texts()}
	}
	if hook := n.get("webhook"); hook.is(kindObject) {
		s.Webhook = &Webhook{URL: Secret(hook.get("url").string()), Secret: Secret(hook.get("secret").string())}
		if headers := hook.get("headers"); headers.is(kindObject) {
			s.Webhook.Headers = map[string]Secret{}
			for _, m := range headers.members {
				s.Webhook.Headers[m.key] = Secret(m.value.string())
			}
		}
	}
	return s
}

// listener converts one listener with its defaults filled in.
func (n *node) listener() Listener {
	return Listener{
		Name: n.get("name").string(), Up: n.get("up").command(), On: n.get("on").selectors(), Roles: n.get("roles").roleNames(),
		Processes: n.get("processes").machineNames(), Protocol: n.get("protocol").string(),
	}
}

// hook converts one hook with its defaults filled in.
func (n *node) hook() Hook {
	return Hook{
		On: n.get("on").selectors(), Roles: n.get("roles").roleNames(), Processes: n.get("processes").machineNames(),
		Run: n.get("run").command(), Timeout: n.get("timeout").seconds(),
	}
}

// Selects tells whether an event is one of these: its name, its severity, and whether it is an end that is a failure.
func (s Selector) Selects(name, severity string, crash bool) bool {
	switch {
	case s.Crash:
		return crash
	case s.Severity != "":
		return slices.Index(severities, severity) >= slices.Index(severities, s.Severity)
	}
	return matches(s.Pattern, name)
}

// Kind is how a destination is reached: "slack", "email", "webhook" or "url".
func (s Sink) Kind() string {
	switch {
	case s.Slack != "":
		return "slack"
	case s.Email != nil:
		return "email"
	case s.Webhook != nil:
		return "webhook"
	}
	return "url"
}

// Resolve is the sink with the texts that its secrets stand for; see Secret.Resolve.
func (s Sink) Resolve(directory string, env func(name string) (value string, ok bool)) (Sink, error) {
	var failed error
	resolve := func(key string, secret *Secret) {
		if *secret == "" || failed != nil {
			return
		}
		value, err := secret.Resolve(directory, env)
		if err != nil {
			failed = fmt.Errorf("%s: %w", key, err)
		}
		*secret = value
	}
	resolve("slack", &s.Slack)
	resolve("url", &s.URL)
	if s.Email != nil {
		email := *s.Email
		resolve("email.smtp", &email.SMTP)
		s.Email = &email
	}
	if s.Webhook != nil {
		hook := *s.Webhook
		resolve("webhook.url", &hook.URL)
		resolve("webhook.secret", &hook.Secret)
		hook.Headers = make(map[string]Secret, len(s.Webhook.Headers))
		for name, value := range s.Webhook.Headers {
			resolve("webhook.headers."+name, &value)
			hook.Headers[name] = value
		}
		s.Webhook = &hook
	}
	return s, failed
}
