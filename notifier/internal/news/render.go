package news

import (
	"fmt"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

const (
	// LateAfter is from when on a message says how late it is.
	LateAfter = time.Minute
	// MostNamed is how many processes a message names; give-ups are all named.
	MostNamed = 10
)

// Field is a property of a message that people read.
type Field struct{ Name, Value string }

// Fields are what a message says beside its headline, in the order in which people look for it. now is when it is sent.
func (m Message) Fields(now time.Time) []Field {
	var all []Field
	add := func(name, value string) {
		if value != "" {
			all = append(all, Field{name, value})
		}
	}
	add("Host", m.Host)
	add("Project", m.Project)
	add("Role", m.Event.Role)
	add("Process", Named(m.Processes, MostNamed))
	add("Gave up", Named(m.GaveUp, len(m.GaveUp)))
	if m.Event.Exit != nil {
		add("Exit", m.Event.Exit.String())
		add("Cause", string(m.Event.Exit.Cause))
		add("Meaning", m.Event.Meaning)
	}
	if m.Event.Run > 1 {
		add("Restarts", fmt.Sprint(m.Event.Run-1))
	}
	add("Next", m.Event.Next)
	if m.Count > 1 {
		add("Events", fmt.Sprintf("%d since %s", m.Count, m.Since.Format("15:04:05 MST")))
	}
	add("Time", m.Time.Format("2006-01-02 15:04:05 MST"))
	if late := now.Sub(m.Time); late >= LateAfter && m.Kind != Sample {
		add("Delayed", spec.FormatDuration(late.Round(time.Second)))
	}
	return all
}

// Plain is the whole message as text.
func (m Message) Plain(now time.Time) string {
	var text strings.Builder
	text.WriteString(m.Headline + "\n")
	for _, item := range m.Items {
		text.WriteString("\n- " + item.String())
	}
	if len(m.Items) > 0 {
		text.WriteString("\n")
	}
	text.WriteString("\n")
	for _, field := range m.Fields(now) {
		fmt.Fprintf(&text, "%s: %s\n", field.Name, field.Value)
	}
	if len(m.Event.LogTail) > 0 {
		text.WriteString("\nThe last lines of its log:\n")
		for _, line := range m.Event.LogTail {
			text.WriteString("  " + Printable(line) + "\n")
		}
	}
	return text.String()
}

// String is one line: "worker: 12 events; worker:3 exited 1 after 5s".
func (i Item) String() string {
	text := fmt.Sprintf("%s: %d × %s", i.Subject, i.Count, i.Last)
	if len(i.GaveUp) > 0 {
		text += "; gave up on " + Named(i.GaveUp, len(i.GaveUp))
	}
	return text
}

// Named is a list of clones for people, of which so many are named.
func Named(ids []spec.CloneID, most int) string {
	var names []string
	for i, id := range ids {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(ids)-most))
			break
		}
		names = append(names, string(id))
	}
	return strings.Join(names, ", ")
}

// Counted is a number of things for people: "1 event", "12 events".
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Printable is a line of output without what a terminal, a mail or a chat would obey: control characters become spaces, bytes
// that are no UTF-8 become U+FFFD.
func Printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(line, "\uFFFD"))
}

// Sign is what a severity looks like where there is room for a picture.
func Sign(m Message) string {
	switch {
	case m.Kind == End:
		return "✅"
	case m.Severity == event.Error:
		return "🔴"
	case m.Severity == event.Warning:
		return "🟠"
	}
	return "🔵"
}

// Worse is the worse of two severities.
func Worse(a, b event.Severity) event.Severity {
	if b.Milder(a) {
		return a
	}
	return b
}
