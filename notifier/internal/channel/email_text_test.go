package channel

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// mailParts is a letter as a mail reader sees it.
type mailParts struct {
	header     mail.Header
	text, html string
}

// readMail parses a letter strictly.
func readMail(t rapid.TB, letter string) mailParts {
	t.Helper()
	for line := range strings.SplitSeq(letter, "\r\n") {
		if len(line) > 998 {
			t.Fatalf("a line of %d bytes", len(line))
		}
		if strings.ContainsAny(line, "\r\n\x00") || !isASCII(line) {
			t.Fatalf("a line that no server has to take: %q", line)
		}
	}
	msg, err := mail.ReadMessage(strings.NewReader(letter))
	if err != nil {
		t.Fatalf("%v in %q", err, letter)
	}
	parts := mailParts{header: msg.Header}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("want multipart/alternative, got %s, %v", kind, err)
	}
	reader := multipart.NewReader(msg.Body, params["boundary"])
	for _, part := range []struct {
		kind string
		text *string
	}{{"text/plain", &parts.text}, {"text/html", &parts.html}} {
		p, err := reader.NextRawPart()
		if err != nil {
			t.Fatalf("%s: %v", part.kind, err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil || kind != part.kind || !strings.EqualFold(params["charset"], "utf-8") {
			t.Fatalf("want %s in UTF-8, got %s %v, %v", part.kind, kind, params, err)
		}
		var body io.Reader = p
		switch encoding := p.Header.Get("Content-Transfer-Encoding"); encoding {
		case "quoted-printable":
			body = quotedprintable.NewReader(p)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, p)
		default:
			t.Fatalf("%s: encoding %q", part.kind, encoding)
		}
		text, err := io.ReadAll(body)
		if err != nil || !utf8.Valid(text) {
			t.Fatalf("%s: %v in %q", part.kind, err, text)
		}
		*part.text = strings.ReplaceAll(string(text), "\r\n", "\n")
	}
	if _, err := reader.NextPart(); err != io.EOF {
		t.Fatalf("a third part: %v", err)
	}
	return parts
}

func (p mailParts) subject(t rapid.TB) string {
	t.Helper()
	subject, err := new(mime.WordDecoder).DecodeHeader(p.header.Get("Subject"))
	if err != nil {
		t.Fatalf("subject: %v", err)
	}
	return subject
}

func writtenMail(t rapid.TB, m news.Message) mailParts {
	t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	channel := &email{from: &mail.Address{Name: "Phorever", Address: "phorever@example.com"},
		to: []*mail.Address{{Address: "a@example.com"}, {Name: "Bäcker, Jö", Address: "b@example.com"}}, now: func() time.Time { return at }}
	letter, err := channel.letter(m)
	if err != nil {
		t.Fatal(err)
	}
	return readMail(t, string(letter))
}

func TestMailSaysWhatTheMessageSays(t *testing.T) {
	server := serveMail(t, mailServing{})
	m := mailMessage()
	m.Headline = "gave up on wörker:1: 5 failures"
	m.Event.LogTail = append(m.Event.LogTail, "a \x1b[31mred\x1b[0m line\rover it", strings.Repeat("long ", 400), "ende – das wär's", ".")
	channel := server.channel(t, "smtp", "", "", "a@example.com", `"Bäcker, Jö" <b@example.com>`, `"c d"@example.com`)
	if _, err := channel.Send(mailContext(t), m); err != nil {
		t.Fatal(err)
	}
	got := readMail(t, server.received()[0])
	for name, want := range map[string]string{
		"From": `"Phorever" <phorever@example.com>`, "Date": "Sun, 01 Mar 2026 12:00:00 +0000",
		"Message-Id":     "<01JN0000000000000000000001@phorever.web1.example.com>",
		"Auto-Submitted": "auto-generated", "X-Phorever-Event": "process.gave_up", "X-Phorever-Severity": "error",
	} {
		if diff := cmp.Diff([]string{want}, got.header[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	to, err := got.header.AddressList("To")
	if err != nil || len(to) != 3 || to[1].Name != "Bäcker, Jö" || to[2].Address != "c d@example.com" {
		t.Errorf("to: %v, %v", to, err)
	}
	if want := []string{"a@example.com", "b@example.com", "c d@example.com"}; !slices.Equal(server.recipients()[0], want) {
		t.Errorf("want envelope to %q, got %q", want, server.recipients()[0])
	}
	if got, want := got.subject(t), "[shop@web1.example.com] gave up on wörker:1: 5 failures"; got != want {
		t.Errorf("want subject %q, got %q", want, got)
	}
	if diff := cmp.Diff(strings.TrimRight(m.Plain(channel.now()), "\n"), strings.TrimRight(got.text, "\n")); diff != "" {
		t.Errorf("text: %s", diff)
	}
	for _, want := range []string{"gave up on wörker:1", "&lt;script&gt;alert(1)&lt;/script&gt;", "/srv/shop", "web1.example.com", "ende – das wär&#39;s"} {
		if !strings.Contains(got.html, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
}

func TestPageLoadsAndRunsNothing(t *testing.T) {
	evil := `"><script>x</script><img src=https://evil.example/x onerror=x()><a href="javascript:x">` + "\x00\x1b]0;"
	m := mailMessage()
	m.Headline, m.Event.Role, m.Host, m.Project, m.Event.Next = evil, evil, evil, evil, evil
	m.Processes, m.GaveUp, m.Severity = []spec.CloneID{spec.CloneID(evil)}, []spec.CloneID{spec.CloneID(evil)}, event.Severity(evil)
	m.Event.LogTail = []string{evil, "</pre>" + evil}
	m.Items = []news.Item{{Subject: evil, Last: evil, Count: 3}}
	page := writtenMail(t, m).html
	known := []string{"!doctype", "html", "head", "meta", "title", "body", "div", "h1", "ul", "li", "table", "tr", "th", "td", "p", "pre"}
	for _, tag := range regexp.MustCompile(`<[/]?([^\s>]*)`).FindAllStringSubmatch(page, -1) {
		if !slices.Contains(known, strings.ToLower(tag[1])) {
			t.Errorf("the page holds the tag %s", tag[0])
		}
	}
	if found := regexp.MustCompile(`<[^>]*(\s(src|href|on[a-z]+)\s*=|url\(|@import)[^>]*>`).FindString(page); found != "" {
		t.Errorf("the page holds %s", found)
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("the template holds a value where none may stand")
	}
	if at := strings.IndexFunc(page, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }); at >= 0 {
		t.Errorf("the page holds a control character: %q", page[at:])
	}
}

func TestMailsOfAnIncidentHangTogether(t *testing.T) {
	m := mailMessage()
	m.Host = "web 1..ex\r\nample."
	first := writtenMail(t, m).header
	update := m
	update.ID, update.Kind = "01JN0000000000000000000002", news.Update
	end := m
	end.ID, end.Kind = "01JN0000000000000000000003", news.End
	digest := m
	digest.ID, digest.Kind, digest.Incident = "01JN0000000000000000000004", news.Digest, ""

	id := first.Get("Message-Id")
	if want := "<01JN0000000000000000000001@phorever.web-1.ex--ample>"; id != want {
		t.Errorf("want %s, got %s", want, id)
	}
	if first["In-Reply-To"] != nil || first["References"] != nil {
		t.Error("the first mail answers another")
	}
	seen := map[string]bool{id: true}
	for _, later := range []news.Message{update, end} {
		header := writtenMail(t, later).header
		if header.Get("In-Reply-To") != id || header.Get("References") != id {
			t.Errorf("%s: want references to %s, got %v", later.Kind, id, header)
		}
		if seen[header.Get("Message-Id")] {
			t.Errorf("%s: %s is there twice", later.Kind, header.Get("Message-Id"))
		}
		seen[header.Get("Message-Id")] = true
	}
	if header := writtenMail(t, digest).header; header["References"] != nil {
		t.Errorf("a digest refers to %v", header["References"])
	}
	if again := writtenMail(t, update).header.Get("Message-Id"); !seen[again] {
		t.Errorf("a mail that is sent again is named %s", again)
	}
}

func TestSubjectIsShortAndOnOneLine(t *testing.T) {
	for _, c := range []struct{ host, project, headline, want string }{
		{"web1", "/srv/shop", "worker:1 exited", "[shop@web1] worker:1 exited"},
		{"web1", "", "worker:1\r\nBcc: x@y  exited\t\x1b[0m ", "[web1] worker:1 Bcc: x@y exited [0m"},
		{"", "", "=?utf-8?q?=0D=0ABcc:_x?=", "= ?utf-8?q?=0D=0ABcc:_x?="},
		{"", "", " \r\n", "news"},
		{"web1", "/srv/shop", strings.Repeat("ä", 200), "[shop@web1] " + strings.Repeat("ä", 137) + "…"},
	} {
		m := news.Message{Host: c.host, Project: c.project, Headline: c.headline}
		if got := writtenMail(t, m).subject(t); got != c.want {
			t.Errorf("want %q, got %q", c.want, got)
		}
	}
}

func TestNoTextOfAMessageBecomesAHeader(t *testing.T) {
	allowed := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
	optional := []string{"In-Reply-To", "References", "X-Phorever-Event", "X-Phorever-Severity"}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("\r\n\t :=?<>\"'&.,;-\x00\x1b\x7f\u0085\u2028\u202e\ufeffaäB€😀"))),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.Map(rapid.String(), func(s string) string { return s + "\r\nBcc: evil@example.com\r\n\r\n" + s }))
		list := rapid.SliceOfN(text, 0, 4)
		m := news.Message{
			ID: text.Draw(t, "id"), Incident: text.Draw(t, "incident"), Headline: text.Draw(t, "headline"),
			Kind:     rapid.SampledFrom([]news.Kind{news.First, news.Update, news.End, news.Digest, news.Sample}).Draw(t, "kind"),
			Severity: event.Severity(text.Draw(t, "severity")), Host: text.Draw(t, "host"), Project: text.Draw(t, "project"),
			Processes: []spec.CloneID{spec.CloneID(text.Draw(t, "process"))}, GaveUp: []spec.CloneID{spec.CloneID(text.Draw(t, "gave up"))},
			Items: []news.Item{{Subject: text.Draw(t, "subject"), Last: text.Draw(t, "last")}},
			Event: event.Record{Event: text.Draw(t, "event"), Role: text.Draw(t, "role"), Next: text.Draw(t, "next"), LogTail: list.Draw(t, "log")},
		}
		got := writtenMail(t, m)
		for name, values := range got.header {
			if len(values) != 1 || !slices.Contains(allowed, name) && !slices.Contains(optional, name) {
				t.Fatalf("header %s: %q", name, values)
			}
		}
		for _, name := range allowed {
			if got.header.Get(name) == "" {
				t.Fatalf("no header %s", name)
			}
		}
		if from, err := got.header.AddressList("From"); err != nil || len(from) != 1 || from[0].Address != "phorever@example.com" {
			t.Fatalf("from: %v, %v", from, err)
		}
		if to, err := got.header.AddressList("To"); err != nil || len(to) != 2 {
			t.Fatalf("to: %v, %v", to, err)
		}
		if id := got.header.Get("Message-Id"); !regexp.MustCompile(`^<[\w-]+(\.[\w-]+)*@[\w-]+(\.[\w-]+)*>$`).MatchString(id) {
			t.Fatalf("Message-ID %q", id)
		}
		subject := got.subject(t)
		if strings.ContainsFunc(subject, unicode.IsControl) || utf8.RuneCountInString(subject) > mostSubject || subject == "" {
			t.Fatalf("subject %q", subject)
		}
		for _, text := range []string{got.text, got.html} {
			if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
				t.Fatalf("control characters in %q", text)
			}
		}
	})
}

func TestDigestIsAList(t *testing.T) {
	m := news.Message{ID: "1", Kind: news.Digest, Headline: "2 things happened"}
	for i := range 2 {
		m.Items = append(m.Items, news.Item{Subject: fmt.Sprintf("worker%d", i), Count: 3, Last: "exited 1"})
	}
	got := writtenMail(t, m)
	for _, item := range m.Items {
		if !strings.Contains(got.text, "- "+item.String()+"\n") || !strings.Contains(got.html, ">"+item.String()+"</li>") {
			t.Errorf("%q is not in\n%s\nor\n%s", item, got.text, got.html)
		}
	}
}
