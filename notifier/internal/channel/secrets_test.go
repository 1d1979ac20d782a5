package channel_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/notifier/internal/channel"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// marker stands for every secret. It is long enough that nobody says it by accident.
var marker = rapid.Custom(func(t *rapid.T) string {
	return rapid.SampledFrom([]string{"S3CRET", "s3cret", "%2FS3CRET", "S3CRET+x", "ÜS3CRET", "xS3CRETx", "S3CRET="}).Draw(t, "marker")
})

func leaks(text string) bool { return strings.Contains(strings.ToLower(text), "s3cret") }

// TestNoSecretIsEverTold: whatever a server does with what it knows, and whatever goes wrong, neither the error nor the answer
// holds a part of the address, a header or the signature's secret.
func TestNoSecretIsEverTold(t *testing.T) {
	var mode atomic.Int64
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		body, _ := io.ReadAll(r.Body)
		path, _ := url.PathUnescape(r.URL.EscapedPath())
		all := strings.Join([]string{path, r.URL.EscapedPath(), r.URL.RawQuery, user, password, r.Header.Get("Authorization"), r.Header.Get("X-Token"), r.RequestURI}, " | ")
		switch mode.Load() {
		case 0:
			fmt.Fprintf(w, "%s %q", all, all)
		case 1:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, all)
		case 2:
			w.Header().Set("Retry-After", all)
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, all)
		case 3:
			w.Header()["Location"] = []string{"http://elsewhere.invalid" + r.URL.EscapedPath() + "?" + r.URL.RawQuery}
			w.WriteHeader(http.StatusTemporaryRedirect)
		case 4:
			w.Header()["Location"] = []string{"http://" + r.Header.Get("X-Token") + ".invalid/%zz" + all}
			w.WriteHeader(http.StatusTemporaryRedirect)
		case 5:
			c, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(c, "HTTP/9.9 %s\r\n\r\n%s", all, body)
			c.Close()
		case 6:
			w.Header()["Location"] = []string{r.URL.RequestURI() + "x"}
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
	})
	host := strings.TrimPrefix(s.URL, "http://")
	gone := listening(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		mode.Store(rapid.Int64Range(0, 6).Draw(t, "mode"))
		to := rapid.SampledFrom([]string{host, host, host, gone}).Draw(t, "host")
		part := func(name string) string { return marker.Draw(t, name) }
		address := fmt.Sprintf("http://%s:%s@%s/%s/%s?key=%s&%s", url.QueryEscape(part("user")), url.QueryEscape(part("password")), to,
			url.PathEscape(part("path")), part("path"), url.QueryEscape(part("value")), url.QueryEscape(part("key")))
		var c news.Channel
		var err error
		if rapid.Bool().Draw(t, "slack") {
			c, err = channel.NewSlack(spec.Secret(address), atNoon)
		} else {
			header := strings.Map(func(r rune) rune {
				if r > 0x7f {
					return -1
				}
				return r
			}, part("header"))
			c, err = channel.NewWebhook(spec.Webhook{
				URL: spec.Secret(address), Secret: spec.Secret(part("secret")),
				Headers: map[string]spec.Secret{"X-Token": spec.Secret("Bearer " + header)},
			}, atNoon)
		}
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		answer, err := c.Send(soonRapid(t), crash())
		if leaks(answer) || err != nil && leaks(err.Error()) {
			t.Fatalf("mode %d: answer %q, error %v", mode.Load(), answer, err)
		}
	})
}

// TestNoSecretOfAServiceIsEverTold: the same of what services say about an address that they do not understand, or that nobody
// answers.
func TestNoSecretOfAServiceIsEverTold(t *testing.T) {
	schemes := append([]string{"telegram", "wecom", "signal", "zulip", "pagerduty", "googlechat", "hangouts", "rocketchat", "generic+http", "teams+https", "lark", "no-such"}, channel.Titled...)
	gone := listening(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		scheme := rapid.SampledFrom(schemes).Draw(t, "scheme")
		part := func(name string) string {
			return rapid.SampledFrom([]string{"S3CRET", "S3CRET-S3CRETa-S3CRETb", "S3CRET%3AS3CRET", "o.S3CRET", "123456789:S3CRET", "S3CRET%zz", "xoxb:S3CRET-S3CRET-S3CRET", ""}).Draw(t, name)
		}
		address := scheme + "://"
		if rapid.Bool().Draw(t, "userinfo") {
			address += part("user") + ":" + part("password") + "@"
		}
		host := gone
		if !rapid.Bool().Draw(t, "server") {
			host = rapid.SampledFrom([]string{"telegram", "webhook", "localhost"}).Draw(t, "host")
			if strings.Contains("discord ifttt join notifiarr pushbullet pushover slack teams wecom no-such", scheme) {
				host = part("host")
			}
		}
		address += host + "/" + part("path") + "/" + part("path") + "?key=" + part("value") + "&chats=" + part("value") + "&" + part("key")
		if err := channel.CheckServiceURL(address); err != nil && leaks(err.Error()) {
			t.Fatalf("%s: %v", address, err)
		}
		_, err := channel.NewService(spec.Secret(address), time.Now)
		if err != nil && leaks(err.Error()) {
			t.Fatalf("%s: %v", address, err)
		}
	})
}

func TestSecretsAreHiddenInEveryForm(t *testing.T) {
	hide := channel.Secrets("tok/en=1", "abc", "tok", "a\"quote", "\xff\xfe\xfdraw")
	for text, want := range map[string]string{
		"at tok/en=1!":                 "at (secret)!",
		"at TOK/EN=1!":                 "at (secret)!",
		"at tok%2Fen%3D1!":             "at (secret)!",
		`at a\"quote`:                  "at (secret)",
		"abc and tok are only words":   "abc and tok are only words",
		"bytes \xff\xfe\xfdraw are ok": "bytes (secret) are ok",
	} {
		if got := hide(text); got != want {
			t.Errorf("%q: want %q, got %q", text, want, got)
		}
	}
	basic := base64.StdEncoding.EncodeToString([]byte("me:pa55word"))
	s := answering(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Authorization")) })
	answer, err := hookTo(t, "http://me:pa55word@"+s.Listener.Addr().String()).Send(soon(t, 10*time.Second), crash())
	if err != nil || strings.Contains(answer, basic) || answer != "200 OK: Basic (secret)" {
		t.Errorf("got %q, %v", answer, err)
	}
}
