package channel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// ours are the headers that say what a message is and how long; nobody may claim another.
var ours = []string{
	"Connection", "Content-Length", "Idempotency-Key", "Phorever-Signature", "Trailer", "Transfer-Encoding", "Upgrade",
	"Webhook-Id", "Webhook-Signature", "Webhook-Timestamp",
}

type webhook struct {
	poster *poster
	header http.Header
	key    []byte // of the signature, nil for none
}

// NewWebhook makes the channel that posts JSON.
func NewWebhook(w spec.Webhook, now func() time.Time) (news.Channel, error) {
	key, err := signingKey(w.Secret.Reveal())
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Phorever"}}
	hide := []string{w.Secret.Reveal(), string(key)}
	for _, name := range slices.Sorted(maps.Keys(w.Headers)) {
		value := w.Headers[name].Reveal()
		if err := fit(name, value); err != nil {
			return nil, err
		}
		header.Set(name, value)
		hide = append(append(hide, value), strings.Fields(value)...)
	}
	p, err := newPoster(w.URL.Reveal(), now, hide...)
	if err != nil {
		return nil, err
	}
	return webhook{p, header, key}, nil
}

// signingKey is the key of Standard Webhooks: the bytes of the secret, or what it stands for.
func signingKey(secret string) ([]byte, error) {
	if secret == "" {
		return nil, nil
	}
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		return []byte(secret), nil
	}
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil || len(key) == 0 {
		return nil, errors.New(`secret: after "whsec_" there must be base64`)
	}
	return key, nil
}

// fit tells whether a header can be sent. The value is not told: it may be a token.
func fit(name, value string) error {
	token := func(r rune) bool {
		return r < 0x7f && r > ' ' && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	}
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !token(r) }):
		return fmt.Errorf("headers: %q is no name of a header", news.Printable(name))
	case slices.Contains(ours, http.CanonicalHeaderKey(name)):
		return fmt.Errorf("headers: %s is set by Phorever", name)
	case strings.ContainsAny(value, "\r\n"):
		return fmt.Errorf("headers: the value of %s holds a line break", name)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return fmt.Errorf("headers: the value of %s holds a control character", name)
	}
	return nil
}

// Send posts the message, with the same body and the same id at each attempt but for how late it is.
func (w webhook) Send(ctx context.Context, m news.Message) (string, error) {
	now := w.poster.now()
	body, err := json.Marshal(webhookPayload(m, now))
	if err != nil {
		return "", news.Refusal{Err: err}
	}
	header := w.header.Clone()
	header.Set("Idempotency-Key", m.ID)
	if w.key != nil {
		at := strconv.FormatInt(now.Unix(), 10)
		// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
		header.Set("Webhook-Id", m.ID)
		header.Set("Webhook-Timestamp", at)
		header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(w.Sign(m.ID+"."+at+".", body)))
		header.Set("Phorever-Signature", "t="+at+",v1="+hex.EncodeToString(w.Sign(at+".", body)))
	}
	return w.poster.post(ctx, header, body)
}

func (w webhook) Sign(prefix string, body []byte) []byte {
	mac := hmac.New(sha256.New, w.key)
	mac.Write([]byte(prefix))
	mac.Write(body)
	return mac.Sum(nil)
}

// webhookBody is an event as the command line prints it, with what the message says of its incident.
type webhookBody struct {
	event.Record
	MessageID      string         `json:"message_id"`
	Kind           news.Kind      `json:"kind"`
	Incident       string         `json:"incident"`
	Headline       string         `json:"headline"`
	Host           string         `json:"host"`
	Project        string         `json:"project"`
	Count          int            `json:"count"`
	Fresh          int            `json:"fresh"`
	Since          time.Time      `json:"since"`
	Processes      []spec.CloneID `json:"processes"`
	GaveUp         []spec.CloneID `json:"gave_up"`
	Items          []news.Item    `json:"items"`
	DelayedSeconds int            `json:"delayed_seconds"`
}

func webhookPayload(m news.Message, now time.Time) webhookBody {
	body := webhookBody{
		Record: m.Event, MessageID: m.ID, Kind: m.Kind, Incident: m.Incident, Headline: m.Headline, Host: m.Host, Project: m.Project,
		Count: m.Count, Fresh: m.Fresh, Since: m.Since,
		// Never null: a receiver counts them without a question.
		Processes: append([]spec.CloneID{}, m.Processes...), GaveUp: append([]spec.CloneID{}, m.GaveUp...), Items: append([]news.Item{}, m.Items...),
	}
	if m.Kind == news.Digest || m.Kind == news.Sample {
		body.V, body.ID, body.Time, body.Event, body.Severity = 1, m.ID, m.Time, "notification."+string(m.Kind), m.Severity
		if body.Message == "" {
			body.Message = m.Headline
		}
	}
	if late := now.Sub(m.Time); late >= news.LateAfter && m.Kind != news.Sample {
		body.DelayedSeconds = int(late.Round(time.Second) / time.Second)
	}
	return body
}
