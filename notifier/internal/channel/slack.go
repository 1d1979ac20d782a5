package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// Slack's limits, in characters of the text as it is sent. https://docs.slack.dev/reference/block-kit/blocks
const (
	slackText     = 3000
	slackHeader   = 150
	slackField    = 2000
	slackFields   = 10 // of a section
	slackContext  = 300
	slackItem     = 500 // ours: so that one item of a digest does not crowd out the others
	slackItems    = 10  // of a section, ours
	slackSections = 20  // of items, ours; there may be 50 blocks in all
	slackLine     = 1000
)

type slack struct{ poster *poster }

// NewSlack makes the channel to an incoming webhook of Slack, or of what speaks like it.
func NewSlack(url spec.Secret, now func() time.Time) (news.Channel, error) {
	p, err := newPoster(url.Reveal(), now)
	if err != nil {
		return nil, err
	}
	return slack{p}, nil
}

// Send posts the message as blocks.
func (s slack) Send(ctx context.Context, m news.Message) (string, error) {
	body, err := json.Marshal(slackPayload(m, s.poster.now()))
	if err != nil {
		return "", news.Refusal{Err: err}
	}
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Phorever"}}
	return s.poster.post(ctx, header, body)
}

type slackMessage struct {
	Text        string       `json:"text"` // where blocks are not shown: in a notification of a phone
	Blocks      []slackBlock `json:"blocks"`
	Markdown    bool         `json:"mrkdwn"` // of Text
	UnfurlLinks bool         `json:"unfurl_links"`
	UnfurlMedia bool         `json:"unfurl_media"`
}

type slackBlock struct {
	Type     string        `json:"type"`
	Text     *slackObject  `json:"text,omitempty"`
	Fields   []slackObject `json:"fields,omitempty"`
	Elements []slackObject `json:"elements,omitempty"`
}

type slackObject struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`
	Verbatim bool   `json:"verbatim,omitempty"`
}

// slackPayload is plain text wherever it can be: there stars, underscores and tildes in a name are just that.
func slackPayload(m news.Message, now time.Time) slackMessage {
	headline := news.Sign(m) + " " + tame(m.Headline)
	message := slackMessage{Text: escaped(headline, slackText)}
	add := func(b slackBlock) { message.Blocks = append(message.Blocks, b) }

	header := plainText(headline, slackHeader)
	add(slackBlock{Type: "header", Text: &header})
	if header.Text != message.Text {
		whole := plainText(tame(m.Headline), slackText)
		add(slackBlock{Type: "section", Text: &whole})
	}
	var fields []slackObject
	for _, field := range m.Fields(now) {
		if field.Name != "Host" && field.Name != "Time" { // they are the context
			fields = append(fields, plainText(field.Name+": "+tame(field.Value), slackField))
		}
	}
	for ; len(fields) > 0; fields = fields[min(len(fields), slackFields):] {
		add(slackBlock{Type: "section", Fields: fields[:min(len(fields), slackFields)]})
	}
	for _, text := range slackDigest(m.Items) {
		add(slackBlock{Type: "section", Text: &text})
	}
	if len(m.Event.LogTail) > 0 {
		add(slackBlock{Type: "section", Text: &slackObject{Type: "mrkdwn", Text: slackLog(m.Event.LogTail), Verbatim: true}})
	}
	add(slackBlock{Type: "context", Elements: []slackObject{
		plainText(tame(m.Host)+" · "+m.Time.Format("2006-01-02 15:04:05 MST"), slackContext),
	}})
	return message
}

// slackDigest puts several items into each section, and says how many found no room.
func slackDigest(items []news.Item) []slackObject {
	var sections []slackObject
	for len(items) > 0 && len(sections) < slackSections {
		var lines []string
		room := slackText - 20 // of the last line
		for len(items) > 0 && len(lines) < slackItems {
			line := escaped("• "+tame(items[0].String()), slackItem)
			if room -= size(line) + 1; room < 0 {
				break
			}
			lines, items = append(lines, line), items[1:]
		}
		if len(sections) == slackSections-1 && len(items) > 0 {
			lines = append(lines, fmt.Sprintf("and %d more", len(items)))
		}
		sections = append(sections, slackObject{Type: "plain_text", Text: strings.Join(lines, "\n"), Emoji: new(bool)})
	}
	return sections
}

// slackLog is a block of code with as many of the newest lines as there is room for.
func slackLog(lines []string) string {
	const start, more, end = "```\n", "…\n", "\n```"
	room := slackText - len(start) - size(more) - len(end)
	var text string
	for i := len(lines) - 1; i >= 0; i-- {
		line := escaped(fence(tame(lines[i])), slackLine)
		if room -= size(line) + 1; room < 0 {
			text = more + text
			break
		}
		if text != "" {
			line += "\n"
		}
		text = line + text
	}
	return start + text + end
}

// plainText is a text that Slack shows as it is.
func plainText(text string, most int) slackObject {
	return slackObject{Type: "plain_text", Text: escaped(text, most), Emoji: new(bool)}
}

var slackEntities = map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;"}

// escaped is a text in which nothing is a mention or a link, at most most characters long. An entity is not cut.
func escaped(text string, most int) string {
	var out strings.Builder
	length, keep := 0, 0 // keep is how many bytes are left if it has to be cut
	for _, r := range text {
		piece, ok := slackEntities[r]
		if !ok {
			piece = string(r)
		}
		if length += size(piece); length > most {
			return out.String()[:keep] + "…"
		}
		out.WriteString(piece)
		if length < most {
			keep = out.Len()
		}
	}
	return out.String()
}

// size counts characters in the way that yields the most: nobody says how Slack counts.
func size(text string) int {
	n := 0
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}
