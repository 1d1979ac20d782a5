package channel_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/notifier/internal/channel"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// What Slack takes, as its reference says. https://docs.slack.dev/reference/block-kit
type (
	slackMessage struct {
		Text        string           `json:"text"`
		Blocks      []map[string]any `json:"blocks"`
		Markdown    *bool            `json:"mrkdwn"`
		UnfurlLinks *bool            `json:"unfurl_links"`
		UnfurlMedia *bool            `json:"unfurl_media"`
	}
	slackObject struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		Emoji    *bool  `json:"emoji"`
		Verbatim *bool  `json:"verbatim"`
	}
)

// readSlack refuses what Slack would refuse. It yields every text of the blocks.
func readSlack(body []byte) (texts []slackObject, err error) {
	var m slackMessage
	if err := strictly(body, &m); err != nil {
		return nil, err
	}
	if m.Text == "" || size(m.Text) > 3000 || len(m.Blocks) == 0 || len(m.Blocks) > 50 || m.UnfurlLinks == nil || *m.UnfurlLinks {
		return nil, fmt.Errorf("a text of %d, %d blocks, unfurl_links %v", size(m.Text), len(m.Blocks), m.UnfurlLinks)
	}
	texts = append(texts, slackObject{Type: "plain_text", Text: m.Text})
	for _, block := range m.Blocks {
		found, err := readBlock(block)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", block, err)
		}
		texts = append(texts, found...)
	}
	return texts, nil
}

func readBlock(block map[string]any) ([]slackObject, error) {
	limits := map[string]map[string][2]int{ // how many texts, and how long
		"header":  {"text": {1, 150}},
		"section": {"text": {1, 3000}, "fields": {10, 2000}},
		"context": {"elements": {10, 2000}},
	}
	parts, ok := limits[block["type"].(string)]
	if !ok || len(block) != 2 {
		return nil, fmt.Errorf("no block")
	}
	var all []slackObject
	for key, value := range block {
		if key == "type" {
			continue
		}
		limit, ok := parts[key]
		if !ok {
			return nil, fmt.Errorf("unknown %s", key)
		}
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		if len(list) == 0 || len(list) > limit[0] {
			return nil, fmt.Errorf("%d in %s", len(list), key)
		}
		for _, one := range list {
			var object slackObject
			encoded, _ := json.Marshal(one)
			if err := strictly(encoded, &object); err != nil {
				return nil, err
			}
			plain := object.Type == "plain_text" && object.Verbatim == nil
			code := object.Type == "mrkdwn" && object.Emoji == nil && object.Verbatim != nil && *object.Verbatim && block["type"] == "section"
			if !plain && !code || strings.TrimSpace(object.Text) == "" || size(object.Text) > limit[1] {
				return nil, fmt.Errorf("a text of %d: %q", size(object.Text), object.Text)
			}
			all = append(all, object)
		}
	}
	return all, nil
}

func strictly(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func size(text string) int {
	n := utf8.RuneCountInString(text)
	for _, r := range text {
		if r > 0xffff {
			n++
		}
	}
	return n
}

func TestSlackGetsBlocks(t *testing.T) {
	var body []byte
	var header http.Header
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header
		io.WriteString(w, "ok")
	})
	c, err := channel.NewSlack(spec.Secret(s.URL+"/services/T0/B0/x"), atNoon)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Send(soon(t, 10*time.Second), crash())
	if err != nil || answer != "200 OK: ok" || header.Get("Content-Type") != "application/json" || header.Get("User-Agent") != "Phorever" {
		t.Fatalf("got %q, %v, %v", answer, err, header)
	}
	texts, err := readSlack(body)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, text := range texts {
		got = append(got, text.Text)
	}
	want := []string{
		"🔴 gave up on worker:3: 5 failures in 1m0s", "🔴 gave up on worker:3: 5 failures in 1m0s",
		"Project: /srv/shop", "Role: jobs", "Process: worker:3", "Gave up: worker:3", "Exit: exited 1", "Cause: exited", "Restarts: 5",
		"```\nstarting\nno database\n```", "web1 · 2026-05-04 12:00:00 UTC",
	}
	if !slices.Equal(got, want) {
		t.Errorf("want %q\ngot  %q", want, got)
	}
}

func TestSlackRefusesInItsOwnWords(t *testing.T) {
	for word, code := range map[string]int{
		"no_service": 404, "no_team": 404, "invalid_token": 403, "action_prohibited": 403, "channel_is_archived": 410, "invalid_payload": 400, "invalid_blocks": 400,
	} {
		s := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			io.WriteString(w, word)
		})
		c, err := channel.NewSlack(spec.Secret(s.URL+"/services/T00000000/B00000000/xxxxxxxx"), atNoon)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.Send(soon(t, 10*time.Second), crash()); kind(err) != "refused" || !strings.HasSuffix(err.Error(), ": "+word) {
			t.Errorf("%s: got %v", word, err)
		}
	}
}

// hostile are texts that want to be more than text.
var hostile = rapid.Custom(func(t *rapid.T) string {
	pieces := rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{
			"<!channel>", "<@U123>", "<http://evil|here>", "@everyone", "@Here", "@channel", "`", "```", "````", "*bold*", "_", "~", "&lt;", "&", ">", "\n", "\r",
			"\x1b[31m", "\xff", "\u202e", "😀", "é", "\u200b", "](http://evil)", ":smile:", strings.Repeat("<", 800), strings.Repeat("`", 3001), strings.Repeat("😀", 1501),
		}),
		rapid.String(),
	), 0, 6).Draw(t, "pieces")
	return strings.Join(pieces, "")
})

// anything is a message of hostile texts.
func anything(t *rapid.T) news.Message {
	m := crash()
	m.Headline, m.Host, m.Project = hostile.Draw(t, "headline"), hostile.Draw(t, "host"), hostile.Draw(t, "project")
	m.Event.Role, m.Event.Next = hostile.Draw(t, "role"), hostile.Draw(t, "next")
	m.Processes = []spec.CloneID{spec.CloneID(hostile.Draw(t, "process"))}
	m.GaveUp = slices.Repeat(m.Processes, rapid.IntRange(0, 12).Draw(t, "gave up"))
	m.Event.LogTail = rapid.SliceOfN(hostile, 0, 30).Draw(t, "log")
	m.Count, m.Event.Run = rapid.IntRange(0, 9).Draw(t, "count"), rapid.IntRange(0, 9).Draw(t, "run")
	if rapid.Bool().Draw(t, "digest") {
		m.Kind = news.Digest
		item := news.Item{Subject: hostile.Draw(t, "subject"), Last: "exited 1", Count: 3, GaveUp: []spec.CloneID{"<@U1>:1"}}
		m.Items = slices.Repeat([]news.Item{item}, rapid.IntRange(0, 230).Draw(t, "items"))
	}
	return m
}

func TestNoTextIsMoreThanTextForSlack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body, err := json.Marshal(channel.SlackPayload(anything(t), noon.Add(time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		texts, err := readSlack(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			entities := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(text.Text)
			lower := strings.ToLower(text.Text)
			if strings.ContainsAny(entities, "<>&") || strings.Contains(lower, "@everyone") || strings.Contains(lower, "@here") || strings.Contains(lower, "@channel") {
				t.Fatalf("%q", text.Text)
			}
			if text.Type == "mrkdwn" {
				inner, ok := strings.CutPrefix(text.Text, "```\n")
				inner, ok2 := strings.CutSuffix(inner, "\n```")
				if !ok || !ok2 || strings.Contains(inner, "``") {
					t.Fatalf("the code ends early: %q", text.Text)
				}
			}
		}
	})
}

func TestSlackKeepsTheNewestLinesAndCountsTheRest(t *testing.T) {
	m := crash()
	m.Event.LogTail = nil
	for i := range 200 {
		m.Event.LogTail = append(m.Event.LogTail, fmt.Sprintf("line %d %s", i, strings.Repeat("x", 90)))
	}
	m.Kind, m.Headline = news.Digest, strings.Repeat("long ", 100)
	for i := range 1000 {
		m.Items = append(m.Items, news.Item{Subject: fmt.Sprint("p", i), Count: 2, Last: "exited 1"})
	}
	body, err := json.Marshal(channel.SlackPayload(m, noon))
	if err != nil {
		t.Fatal(err)
	}
	texts, err := readSlack(body)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprint(texts)
	for _, want := range []string{"```\n…\nline ", "line 199 ", "and 800 more", "• p199: 2 × exited 1", "long l…", strings.Repeat("long ", 100)[:499]} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in %s", want, all)
		}
	}
	if strings.Contains(all, "line 100 ") || strings.Contains(all, "• p200:") {
		t.Error("too much")
	}
}
