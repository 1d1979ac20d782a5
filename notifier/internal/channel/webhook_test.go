package channel_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dcousineau/phorever/notifier/internal/channel"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// received is what one post brings.
func received(t *testing.T, w spec.Webhook, now time.Time, m news.Message) (http.Header, []byte) {
	t.Helper()
	var header http.Header
	var body []byte
	s := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		header.Set("Host", r.Host)
		body, _ = io.ReadAll(r.Body)
	})
	w.URL = spec.Secret(s.URL)
	c, err := channel.NewWebhook(w, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := c.Send(soon(t, 10*time.Second), m); err != nil || answer != "200 OK" {
		t.Fatalf("got %q, %v", answer, err)
	}
	return header, body
}

func TestAWebhookGetsTheEventAndItsIncident(t *testing.T) {
	header, body := received(t, spec.Webhook{}, noon.Add(30*time.Second), crash())
	const want = `{"v":1,"id":"01JEVENT","time":"2026-05-04T12:00:00Z","event":"process.gave_up","severity":"error","process":"worker:3","role":"jobs",` +
		`"run":6,"pid":4821,"exit":{"code":1,"signal":null,"cause":"exited","at":"2026-05-04T12:00:00Z"},"message":"gave up on worker:3: 5 failures in 1m0s",` +
		`"log_tail":["starting","no database"],"message_id":"01JMESSAGE","kind":"first","incident":"01JMESSAGE",` +
		`"headline":"gave up on worker:3: 5 failures in 1m0s","host":"web1","project":"/srv/shop","count":1,"fresh":1,"since":"2026-05-04T12:00:00Z",` +
		`"processes":["worker:3"],"gave_up":["worker:3"],"items":[],"delayed_seconds":0}`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
	if header.Get("Content-Type") != "application/json" || header.Get("User-Agent") != "Phorever" || header.Get("Idempotency-Key") != "01JMESSAGE" {
		t.Errorf("got %v", header)
	}
	for name := range header {
		if strings.Contains(name, "Signature") {
			t.Errorf("there is no secret, but %s", name)
		}
	}
}

func TestADigestAndATestAreEventsOfTheirOwn(t *testing.T) {
	for _, kind := range []news.Kind{news.Digest, news.Sample} {
		m := news.Message{ID: "01JM", Kind: kind, Headline: "hello", Severity: "info", Time: noon, Items: []news.Item{{Subject: "a", Count: 1, Last: "b"}}}
		_, body := received(t, spec.Webhook{}, noon, m)
		var got map[string]any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"v": 1.0, "id": "01JM", "event": "notification." + string(kind), "severity": "info", "message": "hello", "time": "2026-05-04T12:00:00Z", "message_id": "01JM"}
		for key, value := range want {
			if got[key] != value {
				t.Errorf("%s: %s: want %v, got %v", kind, key, value, got[key])
			}
		}
	}
}

func TestASignatureIsOfTheBodyItsIDAndItsTime(t *testing.T) {
	raw := []byte{1, 2, 0xff, 4, 5, 6, 7}
	for secret, key := range map[string][]byte{
		"plain words": []byte("plain words"),
		"whsec_" + base64.StdEncoding.EncodeToString(raw):    raw,
		"whsec_" + base64.RawStdEncoding.EncodeToString(raw): raw,
	} {
		header, body := received(t, spec.Webhook{Secret: spec.Secret(secret)}, noon, crash())
		mac := func(text string) []byte {
			h := hmac.New(sha256.New, key)
			io.WriteString(h, text)
			return h.Sum(nil)
		}
		const at = "1777896000"
		want := map[string]string{
			"Webhook-Id": "01JMESSAGE", "Webhook-Timestamp": at,
			"Webhook-Signature":  "v1," + base64.StdEncoding.EncodeToString(mac("01JMESSAGE."+at+"."+string(body))),
			"Phorever-Signature": "t=" + at + ",v1=" + hex.EncodeToString(mac(at+"."+string(body))),
		}
		for name, value := range want {
			if header.Get(name) != value {
				t.Errorf("%q: %s: want %s, got %s", secret, name, value, header.Get(name))
			}
		}
	}
}

// TestEveryAttemptIsTheSameMessage: only the time and how late it is differ.
func TestEveryAttemptIsTheSameMessage(t *testing.T) {
	first, early := received(t, spec.Webhook{Secret: "secret"}, noon, crash())
	second, late := received(t, spec.Webhook{Secret: "secret"}, noon.Add(2*time.Minute), crash())
	if want := bytes.Replace(early, []byte(`"delayed_seconds":0}`), []byte(`"delayed_seconds":120}`), 1); !bytes.Equal(want, late) {
		t.Error(cmp.Diff(string(want), string(late)))
	}
	if first.Get("Webhook-Id") != second.Get("Webhook-Id") || first.Get("Idempotency-Key") != second.Get("Idempotency-Key") ||
		first.Get("Webhook-Timestamp") == second.Get("Webhook-Timestamp") {
		t.Errorf("got %v and %v", first, second)
	}
}

func TestHeadersOfOnesOwn(t *testing.T) {
	header, _ := received(t, spec.Webhook{Headers: map[string]spec.Secret{
		"authorization": "Bearer t0ken", "User-Agent": "ours/1", "Host": "inner.example", "X-Empty": "",
	}}, noon, crash())
	if header.Get("Authorization") != "Bearer t0ken" || header.Get("User-Agent") != "ours/1" || header.Get("Host") != "inner.example" || header.Get("Idempotency-Key") == "" {
		t.Errorf("got %v", header)
	}
	bad := map[string]spec.Secret{
		"X-A": "t0ken\r\nX-B: 1", "X-B": "t0ken\n", "X-C": "t0ken\x00", "": "t0ken", "X D": "t0ken", "X:E": "t0ken", "X-F\r\n": "t0ken", "Ü": "t0ken",
		"content-length": "t0ken", "Idempotency-Key": "t0ken", "Webhook-ID": "t0ken", "webhook-signature": "t0ken", "Webhook-Timestamp": "t0ken",
		"phorever-signature": "t0ken", "Transfer-Encoding": "t0ken",
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		_, err := channel.NewWebhook(spec.Webhook{URL: "https://example.com", Headers: map[string]spec.Secret{name: bad[name]}}, atNoon)
		if err == nil || !strings.HasPrefix(err.Error(), "headers: ") || strings.Contains(err.Error(), "t0ken") || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%q: got %v", name, err)
		}
	}
	for _, secret := range []spec.Secret{"whsec_", "whsec_***t0ken"} {
		if _, err := channel.NewWebhook(spec.Webhook{URL: "https://example.com", Secret: secret}, atNoon); err == nil || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s: got %v", secret.Reveal(), err)
		}
	}
}
