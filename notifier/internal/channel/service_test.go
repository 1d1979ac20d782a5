package channel_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/notifier/internal/channel"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

func serviceAt(t *testing.T, address string) news.Channel {
	t.Helper()
	c, err := channel.NewService(spec.Secret(address), atNoon)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAServiceGetsTheWholeMessage(t *testing.T) {
	var body []byte
	var header http.Header
	var path string
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header, path = r.Header.Clone(), r.URL.Path
		io.WriteString(w, `{"id":"x"}`)
	})
	host := strings.TrimPrefix(s.URL, "http://")
	const want = `gave up on worker:3: 5 failures in 1m0s

Host: web1
Project: /srv/shop
Role: jobs
Process: worker:3
Gave up: worker:3
Exit: exited 1
Cause: exited
Restarts: 5
Time: 2026-05-04 12:00:00 UTC

The last lines of its log:
  starting
  no database`
	answer, err := serviceAt(t, "ntfy://"+host+"/alerts?scheme=http").Send(soon(t, 10*time.Second), crash())
	if err != nil || answer != `200 OK: {"id":"x"}` || path != "/alerts" || header.Get("Title") != "🔴 Phorever web1" {
		t.Errorf("ntfy: got %q, %v; path %s, title %q", answer, err, path, header.Get("Title"))
	}
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
	answer, err = serviceAt(t, "generic+http://"+host+"/hook?template=json").Send(soon(t, 10*time.Second), crash())
	var got map[string]string
	if err != nil || answer != "sent" || path != "/hook" || json.Unmarshal(body, &got) != nil {
		t.Fatalf("generic: got %q, %v; path %s, body %s", answer, err, path, body)
	}
	if diff := cmp.Diff(map[string]string{"title": "🔴 Phorever web1", "message": want}, got); diff != "" {
		t.Error(diff)
	}
	if _, err = serviceAt(t, "ntfy://"+host+"/alerts?scheme=http&title=mine").Send(soon(t, 10*time.Second), crash()); err != nil || header.Get("Title") != "mine" {
		t.Errorf("got %v, title %q", err, header.Get("Title"))
	}
}

func TestWhatAServiceSaysIsUnderstood(t *testing.T) {
	var code int
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Location", "http://elsewhere.invalid/")
		w.WriteHeader(code)
		io.WriteString(w, r.URL.Path)
	})
	host := strings.TrimPrefix(s.URL, "http://")
	for _, address := range []string{
		"ntfy://" + host + "/T0PSECRET?scheme=http", "mattermost://" + host + "/T0PSECRET?disabletls=yes", "gotify://" + host + "/AzyoeNS.D4iJLVa?disabletls=yes",
		"generic+http://" + host + "/T0PSECRET",
	} {
		for _, test := range []struct {
			code       int
			want, text string
		}{
			{401, "refused", "401"}, {404, "refused", "404"}, {500, "again", "500"}, {302, "refused", "302"}, {429, "again after 7s", "429"},
		} {
			code = test.code
			_, err := serviceAt(t, address).Send(soon(t, 10*time.Second), crash())
			want := test.want
			switch {
			case strings.HasPrefix(address, "generic") && code == 429: // it tells no headers
				want = "again after 30s"
			case strings.HasPrefix(address, "generic") && code == 302:
				want = "again"
				test.text = "it redirects to http://elsewhere.invalid"
			}
			if kind(err) != want || !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "T0PSECRET") || strings.Contains(err.Error(), "AzyoeNS") {
				t.Errorf("%s: %d: want %s, got %s (%v)", address, code, want, kind(err), err)
			}
		}
	}
	_, err := serviceAt(t, "generic+http://"+listening(t, nil)+"/T0PSECRET").Send(soon(t, 10*time.Second), crash())
	if kind(err) != "again" || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "T0PSECRET") {
		t.Errorf("got %v", err)
	}
}

// TestAHangingServiceIsLeftBehind: Send returns with its context; what is left behind is counted, and after two of them no other
// is begun.
func TestAHangingServiceIsLeftBehind(t *testing.T) {
	asked, end := make(chan struct{}, 10), make(chan struct{})
	s := answering(t, func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-end
	})
	c := serviceAt(t, "generic+http://"+strings.TrimPrefix(s.URL, "http://")+"/hook")
	for range 2 {
		if _, err := c.Send(soon(t, 200*time.Millisecond), crash()); kind(err) != "again" || err.Error() != "generic: no answer within 200ms" {
			t.Errorf("got %v", err)
		}
		<-asked
	}
	if _, err := c.Send(soon(t, 10*time.Second), crash()); kind(err) != "again" || err.Error() != "generic: the earlier send has not returned" {
		t.Errorf("got %v", err)
	}
	close(end)
	for ctx := soon(t, 10*time.Second); ; {
		if _, err := c.Send(ctx, crash()); err == nil {
			break
		} else if ctx.Err() != nil {
			t.Fatal(err)
		}
	}

	// Where the service lets us, the request ends with the context, and the next one finds nobody in its way.
	hang := answering(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() })
	c = serviceAt(t, "ntfy://"+strings.TrimPrefix(hang.URL, "http://")+"/alerts?scheme=http")
	for range 4 {
		for ctx := soon(t, 10*time.Second); ; {
			_, err := c.Send(soon(t, 100*time.Millisecond), crash())
			if strings.Contains(err.Error(), "no answer within") {
				break
			} else if ctx.Err() != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestADefaultTransportHasLimits: what services do by themselves takes neither all of the time nor all of the memory.
func TestADefaultTransportHasLimits(t *testing.T) {
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	transport := http.DefaultTransport.(*http.Transport).Clone()
	channel.Bound(transport)
	response, err := (&http.Client{Transport: transport}).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil || !strings.Contains(err.Error(), channel.ErrTooLong.Error()) || len(body) > 1<<20 || transport.ResponseHeaderTimeout == 0 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

// TestAServiceThatPanicsIsAnError: this one does where it cannot connect.
func TestAServiceThatPanicsIsAnError(t *testing.T) {
	_, err := serviceAt(t, "zulip://bot-mail%40zulip.invalid:T0PSECRET@phorever-test.invalid?stream=a&topic=b").Send(soon(t, 8*time.Second), crash())
	if kind(err) != "again" || !strings.HasPrefix(err.Error(), "zulip: ") || strings.Contains(err.Error(), "T0PSECRET") {
		t.Errorf("got %v", err)
	}
}

func TestAServiceURLIsChecked(t *testing.T) {
	for address, want := range map[string]string{
		"ntfy://ntfy.sh/topic": "", "generic://example.com/x": "", "generic+https://example.com/x": "",
		"telegram://123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw@telegram?chats=@ours,-100:7": "",
		"matrix://user:password@matrix.invalid/?rooms=!a":                                     "", // asks nobody
		"discord://t0ken@1234567890":                                                          "", "pushover://shoutrrr:t0kent0ken@user": "",

		"":                                   "url: it must begin with a service's name, like ntfy://",
		"hooks.slack.com/t0ken":              "url: it must begin with a service's name, like ntfy://",
		"no-such://t0ken@t0ken":              `no-such: unknown service: "no-such"`,
		"ntfy+https://ntfy.sh/t0ken":         `ntfy: there is no "ntfy+https"`,
		"logger://":                          "logger: it tells nobody",
		"ntfy://ntfy.sh/":                    "ntfy: topic is required",
		"telegram://t0ken@telegram?chats=a":  "telegram: invalid telegram token: (secret):",
		"telegram://123:t0ken@telegram":      "telegram: no channels defined in config URL",
		"ntfy://t0ken\x00/":                  "url: net/url: invalid control character in URL",
		"generic://example.com:t0ken/":       `url: invalid port ":(secret)" after host`,
		"ntfy://ntfy.sh/t0ken?priority=t0kn": "",
	} {
		err := channel.CheckServiceURL(address)
		switch {
		case want == "" && strings.Contains(address, "t0kn"):
			if err == nil || strings.Contains(err.Error(), "t0k") {
				t.Errorf("%q: got %v", address, err)
			}
		case want == "" && err != nil, want != "" && (err == nil || err.Error() != want):
			t.Errorf("%q: want %q, got %v", address, want, err)
		}
	}
}

// TestTitledServicesAreTheOnesThatHaveATitle holds our list against the configurations of all services.
func TestTitledServicesAreTheOnesThatHaveATitle(t *testing.T) {
	r := &router.ServiceRouter{}
	for _, name := range r.ListServices() {
		s, err := r.NewService(name)
		if err != nil {
			t.Fatal(err)
		}
		config, ok := reflect.TypeOf(s).Elem().FieldByName("Config")
		if !ok {
			t.Fatalf("%s has no configuration", name)
		}
		has := false
		for field := range config.Type.Elem().Fields() {
			has = has || slices.Contains(strings.Split(field.Tag.Get("key"), ","), "title")
		}
		switch name {
		case "telegram", "zulip": // sent by us; its title is the topic of a conversation
			has = false
		case "notifiarr": // takes it without a word in its configuration
			has = true
		}
		if has != slices.Contains(channel.Titled, name) {
			t.Errorf("%s: a title is %v", name, has)
		}
	}
}

func TestTheTextOfAServiceIsShortAndCallsNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anything(t)
		text := channel.ServiceText(m, noon, 1900)
		if n := utf8.RuneCountInString(text); n > 1900 || !utf8.ValidString(text) {
			t.Fatalf("%d characters: %q", n, text)
		}
		lower := strings.ToLower(text)
		for _, call := range []string{"@everyone", "@here", "@channel", "<!", "<@", "<http", "](", "\x1b", "\r"} {
			if strings.Contains(lower, call) {
				t.Fatalf("%q in %q", call, text)
			}
		}
	})
	m := crash()
	m.Event.LogTail = nil
	for i := range 500 {
		m.Event.LogTail = append(m.Event.LogTail, fmt.Sprintf("line %d %s", i, strings.Repeat("x", 40)))
	}
	text := channel.ServiceText(m, noon, 1900)
	for _, want := range []string{m.Headline + "\n", "\nTime: ", "\n  line 499 ", " more lines left out)"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

// TestTelegramKnowsItsFailures: shoutrrr's own sender takes a connection that is refused for a delivery.
func TestTelegramKnowsItsFailures(t *testing.T) {
	const token = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
	var asked []map[string]any
	code := map[string]int{}
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		var payload map[string]any
		if err := json.NewDecoder(r.Body).Decode(&payload); err != nil || r.URL.Path != "/bot"+token+"/sendMessage" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		asked = append(asked, payload)
		if c := code[payload["chat_id"].(string)]; c != 0 {
			w.WriteHeader(c)
		}
		fmt.Fprintf(w, `{"ok":false,"description":"about bot%s"}`, token)
	})
	there, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := serviceAt(t, "telegram://"+token+"@telegram?chats=@ours,-100:7&notification=no&parsemode=HTML")
	channel.ByWayOf(c, elsewhere{there})

	code["-100"] = 500
	_, err = c.Send(soon(t, 10*time.Second), crash())
	if kind(err) != "again" || err.Error() != `api.telegram.org: answered 500 Internal Server Error: {"ok":false,"description":"about bot(secret)"}` {
		t.Errorf("got %v", err)
	}
	code["-100"] = 0
	if _, err = c.Send(soon(t, 10*time.Second), crash()); err != nil || len(asked) != 3 {
		t.Fatalf("%d were sent, %v", len(asked), err)
	}
	if asked[0]["chat_id"] != "@ours" || asked[1]["chat_id"] != "-100" || asked[2]["chat_id"] != "-100" || asked[2]["message_thread_id"] != 7.0 ||
		asked[0]["parse_mode"] != nil || asked[0]["disable_notification"] != true || !strings.HasPrefix(asked[0]["text"].(string), "gave up on") {
		t.Errorf("got %v", asked)
	}
	gone, err := url.Parse("http://" + listening(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	channel.ByWayOf(c, elsewhere{gone})
	next := crash()
	next.ID = "next"
	if _, err := c.Send(soon(t, 10*time.Second), next); kind(err) != "again" || err.Error() != "api.telegram.org: connection refused" {
		t.Errorf("got %v", err)
	}
}

// elsewhere brings every request to one server.
type elsewhere struct{ to *url.URL }

func (e elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = e.to.Scheme, e.to.Host
	return http.DefaultTransport.RoundTrip(r)
}
