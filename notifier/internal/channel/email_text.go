package channel

import (
	"bytes"
	"cmp"
	"html/template"
	"path/filepath"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
)

// mostSubject is how many characters of a headline are a subject; the whole of it begins the text.
const mostSubject = 150

// letter is the mail: its headers, a text, and the same as a page. It holds nothing that a program printed or was named which a
// mail server or a mail reader would obey.
func (e *email) letter(m news.Message) ([]byte, error) {
	now := e.now()
	var page bytes.Buffer
	if err := emailPage.Execute(&page, pageOf(m, m.Fields(now))); err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(e.from)
	msg.ToMailAddress(e.to...)
	msg.Subject(subject(m))
	msg.SetDateWithValue(now)
	threaded(msg, m)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no answering machine answers
	if name := token(m.Event.Event); name != "" {
		msg.SetGenHeader("X-Phorever-Event", name)
	}
	if severity := token(string(m.Severity)); severity != "" {
		msg.SetGenHeader("X-Phorever-Severity", severity)
	}
	msg.SetBodyString(gomail.TypeTextPlain, printableLines(m.Plain(now)))
	msg.AddAlternativeString(gomail.TypeTextHTML, page.String())

	var letter bytes.Buffer
	if _, err := msg.WriteTo(&letter); err != nil {
		return nil, err
	}
	return letter.Bytes(), nil
}

// threaded names the mail after its message, so that one that comes twice is known, and hangs it below the first of its incident.
func threaded(msg *gomail.Msg, m news.Message) {
	own, first := messageID(m, m.ID), messageID(m, m.Incident)
	switch {
	case m.Incident == "":
	case m.Kind == news.First:
		own = first
	case own != first:
		msg.SetGenHeader(gomail.HeaderInReplyTo, "<"+first+">")
		msg.SetGenHeader(gomail.HeaderReferences, "<"+first+">")
	}
	msg.SetMessageIDWithValue(own)
}

func messageID(m news.Message, id string) string {
	return cmp.Or(token(id), "unnamed") + "@phorever." + cmp.Or(token(m.Host), "localhost")
}

// subject is "[project@host] headline", on one line.
func subject(m news.Message) string {
	place := m.Host
	if m.Project != "" {
		place = filepath.Base(m.Project) + "@" + m.Host
	}
	text := m.Headline
	if place != "" {
		text = "[" + place + "] " + text
	}
	text = strings.Join(strings.Fields(news.Printable(text)), " ")
	// Where all is ASCII the library sends it as it is, and a mail reader would decode what only looks encoded.
	text = strings.ReplaceAll(text, "=?", "= ?")
	if runes := []rune(text); len(runes) > mostSubject {
		text = string(runes[:mostSubject-1]) + "…"
	}
	return cmp.Or(text, "news")
}

// token is what of a text can stand in any header as it is: letters, digits, "-" and "_", and single dots between them.
func token(text string) string {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '.' })
	text = strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || r <= unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '-'
	}, strings.Join(parts, "."))
	return strings.TrimRight(text[:min(len(text), 100)], ".")
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}

func printableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = news.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// emailContent is what the page shows.
type emailContent struct {
	Headline string
	Accent   template.CSS
	Items    []string
	Fields   []news.Field
	Log      []string
}

func pageOf(m news.Message, fields []news.Field) emailContent {
	content := emailContent{Headline: news.Printable(m.Headline), Accent: accent(m)}
	for _, item := range m.Items {
		content.Items = append(content.Items, news.Printable(item.String()))
	}
	for _, field := range fields {
		content.Fields = append(content.Fields, news.Field{Name: field.Name, Value: news.Printable(field.Value)})
	}
	for _, line := range m.Event.LogTail {
		content.Log = append(content.Log, news.Printable(line))
	}
	return content
}

// accent is the colour of what sign shows; each is readable on white and on black.
func accent(m news.Message) template.CSS {
	switch {
	case m.Kind == news.End:
		return "#2e9e44"
	case m.Severity == event.Error:
		return "#d9363e"
	case m.Severity == event.Warning:
		return "#d9822b"
	}
	return "#3b82d9"
}

// emailPage sets no colour of text or background: a mail reader's own are right by day and by night. It loads nothing, and its
// styles are in the elements because many readers take all others away.
var emailPage = template.Must(template.New("email").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{.Headline}}</title>
</head>
<body style="margin:0;padding:16px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.4">
<div style="max-width:640px;padding-left:12px;border-left:4px solid {{.Accent}}">
<h1 style="margin:0 0 12px;font-size:18px;line-height:1.3;overflow-wrap:anywhere">{{.Headline}}</h1>
{{- if .Items}}
<ul style="margin:0 0 12px;padding-left:20px">
{{- range .Items}}
<li style="margin:0 0 4px;overflow-wrap:anywhere">{{.}}</li>
{{- end}}
</ul>
{{- end}}
<table style="border-collapse:collapse;font-size:15px">
{{- range .Fields}}
<tr><th scope="row" style="padding:2px 12px 2px 0;text-align:left;vertical-align:top;font-weight:normal;opacity:0.7">{{.Name}}</th>
<td style="padding:2px 0;vertical-align:top;overflow-wrap:anywhere">{{.Value}}</td></tr>
{{- end}}
</table>
{{- if .Log}}
<p style="margin:12px 0 4px">The last lines of its log:</p>
<pre style="margin:0;padding:8px;border:1px solid #888888;border-radius:4px;font-size:13px;white-space:pre-wrap;overflow-wrap:anywhere">
{{- range .Log}}{{.}}
{{end}}</pre>
{{- end}}
</div>
</body>
</html>
`))
