package channel

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	chat "github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

// telegram sends to the bot API itself: shoutrrr's own sender takes every failure that is no JSON for a delivery, among them
// a connection that is refused.
type telegram struct {
	poster *poster
	config *chat.Config

	id   string // of the message that is on its way
	done int    // to how many of the chats, so that another attempt does not tell them twice
}

func newTelegram(address *url.URL, hidden secrets, now func() time.Time) (news.Channel, error) {
	config := &chat.Config{Preview: true, Notification: true}
	if err := config.SetURL(address); err != nil {
		return nil, err
	}
	p, err := newPoster("https://api.telegram.org/bot"+config.Token+"/sendMessage", now)
	if err != nil {
		return nil, err
	}
	p.hidden = hidden
	return &telegram{poster: p, config: config}, nil
}

// Send posts the message to each chat that does not have it yet.
func (t *telegram) Send(ctx context.Context, m news.Message) (string, error) {
	if t.id != m.ID {
		t.id, t.done = m.ID, 0
	}
	text := serviceText(m, t.poster.now(), serviceMost)
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Phorever"}}
	var answer string
	for _, to := range t.config.Chats[t.done:] {
		body, err := json.Marshal(t.payload(to, text))
		if err != nil {
			return "", news.Refusal{Err: err}
		}
		if answer, err = t.poster.post(ctx, header, body); err != nil {
			return "", err
		}
		t.done++
	}
	t.id, t.done = "", 0
	return answer, nil
}

// payload has no parse mode, whatever the URL says: nothing in a line of output is markup.
func (t *telegram) payload(to, text string) chat.SendMessagePayload {
	id, thread, _ := strings.Cut(to, ":")
	payload := chat.SendMessagePayload{
		Text: text, ID: id, DisableNotification: !t.config.Notification, DisablePreview: !t.config.Preview,
	}
	if n, err := strconv.Atoi(thread); err == nil {
		payload.MessageThreadID = &n
	}
	return payload
}
