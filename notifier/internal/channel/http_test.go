package channel_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/channel"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

// crash is a message of the usual kind.
func crash() news.Message {
	one := 1
	return news.Message{
		ID: "01JMESSAGE", Kind: news.First, Incident: "01JMESSAGE", Headline: "gave up on worker:3: 5 failures in 1m0s",
		Severity: event.Error, Time: noon, Since: noon, Host: "web1", Project: "/srv/shop", Count: 1, Fresh: 1,
		Processes: []spec.CloneID{"worker:3"}, GaveUp: []spec.CloneID{"worker:3"},
		Event: event.Record{
			V: 1, ID: "01JEVENT", Time: noon, Event: "process.gave_up", Severity: event.Error, Process: "worker:3", Role: "jobs", Run: 6,
			Pid: 4821, Exit: &event.Exit{Code: &one, Cause: event.CauseExited, At: noon}, Message: "gave up on worker:3: 5 failures in 1m0s",
			LogTail: []string{"starting", "no database"},
		},
	}
}

// answering is a server on loopback. Its complaints about TLS are what the tests are about.
func answering(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

func hookTo(t *testing.T, address string) news.Channel {
	t.Helper()
	c, err := channel.NewWebhook(spec.Webhook{URL: spec.Secret(address)}, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func soon(t *testing.T, within time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	t.Cleanup(cancel)
	return ctx
}

// kind is what an error asks of the outbox.
func kind(err error) string {
	var refusal news.Refusal
	var delay news.Delay
	switch {
	case err == nil:
		return "delivered"
	case errors.As(err, &refusal):
		return "refused"
	case errors.As(err, &delay):
		return "again after " + delay.After.String()
	}
	return "again"
}

func TestTheStatusDecidesWhetherToTryAgain(t *testing.T) {
	for _, test := range []struct {
		code  int
		after string
		want  string
	}{
		{200, "", "delivered"}, {201, "", "delivered"}, {204, "", "delivered"},
		{304, "", "refused"}, {400, "", "refused"}, {401, "", "refused"}, {403, "", "refused"}, {404, "", "refused"}, {410, "", "refused"},
		{408, "", "again"}, {425, "", "again"}, {500, "", "again"}, {502, "", "again"}, {503, "", "again"}, {599, "", "again"},
		{429, "", "again after 30s"}, {429, "7", "again after 7s"}, {429, "nonsense", "again after 30s"}, {429, "-5", "again after 30s"},
		{429, noon.Add(90 * time.Second).Format(http.TimeFormat), "again after 1m30s"},
		{429, noon.Add(-time.Hour).Format(http.TimeFormat), "again after 30s"},
		{429, "4000000000", "again after 24h0m0s"}, {429, "99999999999999999999", "again after 30s"},
		{503, "120", "again after 2m0s"}, {503, noon.Add(time.Minute).Format(http.TimeFormat), "again after 1m0s"}, {503, "0", "again"},
		{500, "120", "again"},
	} {
		s := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			if test.after != "" {
				w.Header().Set("Retry-After", test.after)
			}
			w.WriteHeader(test.code)
		})
		_, err := hookTo(t, s.URL).Send(soon(t, 10*time.Second), crash())
		if got := kind(err); got != test.want {
			t.Errorf("%d with Retry-After %q: want %s, got %s (%v)", test.code, test.after, test.want, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("answered %d", test.code)) {
			t.Errorf("%d is not in %q", test.code, err)
		}
	}
}

func TestAnAnswerIsShortAndHarmless(t *testing.T) {
	for body, want := range map[string]string{
		"":                         "200 OK",
		"ok":                       "200 OK: ok",
		"\n\n  ok  \nsecond":       "200 OK: ok",
		"\x1b[31mred\xff":          "200 OK: [31mred\uFFFD",
		strings.Repeat("é", 10000): "200 OK: " + strings.Repeat("é", 94) + "…",
	} {
		s := answering(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
		answer, err := hookTo(t, s.URL).Send(soon(t, 10*time.Second), crash())
		if err != nil || answer != want {
			t.Errorf("want %q, got %q, %v", want, answer, err)
		}
	}
}

// TestAnEndlessAnswerHoldsNobody: a status is all that is needed, and the connection is closed.
func TestAnEndlessAnswerHoldsNobody(t *testing.T) {
	for name, piece := range map[string]int{"a flood": 32 << 10, "a trickle": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{}, 2)
			s := answering(t, func(w http.ResponseWriter, r *http.Request) {
				defer func() { gone <- struct{}{} }()
				for r.Context().Err() == nil {
					if _, err := w.Write(make([]byte, piece)); err != nil {
						return
					}
					w.(http.Flusher).Flush()
					if piece == 1 {
						select {
						case <-r.Context().Done():
						case <-time.After(50 * time.Millisecond):
						}
					}
				}
			})
			for _, c := range []news.Channel{hookTo(t, s.URL), serviceAt(t, "mattermost://"+s.Listener.Addr().String()+"/token?disabletls=yes")} {
				if answer, err := c.Send(soon(t, 20*time.Second), crash()); err != nil || !strings.HasPrefix(answer, "200 OK") {
					t.Errorf("got %q, %v", answer, err)
				}
				select {
				case <-gone:
				case <-time.After(10 * time.Second):
					t.Error("the connection is still open")
				}
			}
		})
	}
}

func TestTooManyHeadersAreAnError(t *testing.T) {
	s := answering(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Much", strings.Repeat("x", 64<<10)) })
	_, err := hookTo(t, s.URL).Send(soon(t, 10*time.Second), crash())
	if kind(err) != "again" || !strings.Contains(err.Error(), "headers exceeded") || len(err.Error()) > 300 {
		t.Errorf("got %v", err)
	}
}

func TestARedirectIsFollowedOnlyWhereTheMessageIsSafe(t *testing.T) {
	elsewhere := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("another server was asked") })
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/there":
			user, password, _ := r.BasicAuth()
			fmt.Fprintf(w, "%s %d %s:%s", r.Method, len(body), user, password)
		case "/loop307":
			http.Redirect(w, r, "/loop307", http.StatusTemporaryRedirect)
		case "/away307":
			http.Redirect(w, r, elsewhere.URL+"/x", http.StatusTemporaryRedirect)
		default:
			var code int
			fmt.Sscanf(r.URL.Path, "/%d", &code)
			http.Redirect(w, r, "/there", code)
		}
	})
	host := strings.TrimPrefix(s.URL, "http://")
	for path, want := range map[string]string{
		"/307":     "delivered",
		"/308":     "delivered",
		"/301":     host + ": answered 301 Moved Permanently, a redirect that loses the message",
		"/302":     host + ": answered 302 Found, a redirect that loses the message",
		"/303":     host + ": answered 303 See Other, a redirect that loses the message",
		"/loop307": host + ": more than 3 redirects",
		"/away307": host + ": it redirects to " + elsewhere.URL,
	} {
		answer, err := hookTo(t, "http://me:pa55@"+host+path).Send(soon(t, 10*time.Second), crash())
		if want == "delivered" {
			if err != nil || !strings.HasPrefix(answer, "200 OK: POST ") || strings.Contains(answer, "POST 0") {
				t.Errorf("%s: got %q, %v", path, answer, err)
			}
			continue
		}
		if kind(err) != "refused" || err.Error() != want {
			t.Errorf("%s: want %q, got %v", path, want, err)
		}
	}
}

func TestAHangEndsWithItsContext(t *testing.T) {
	end := make(chan struct{})
	s := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-end:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(end) })
	_, err := hookTo(t, s.URL).Send(soon(t, 200*time.Millisecond), crash())
	if kind(err) != "again" || !strings.HasSuffix(err.Error(), "no answer within 200ms") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hookTo(t, s.URL).Send(ctx, crash()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWhatFailsIsNamed(t *testing.T) {
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	unknown := httptest.NewUnstartedServer(http.NotFoundHandler())
	unknown.Config.ErrorLog = quiet
	unknown.StartTLS()
	t.Cleanup(unknown.Close)
	expired := httptest.NewUnstartedServer(http.NotFoundHandler())
	expired.Config.ErrorLog = quiet
	expired.TLS = &tls.Config{Certificates: []tls.Certificate{expiredCertificate(t)}}
	expired.StartTLS()
	t.Cleanup(expired.Close)
	clear := answering(t, func(http.ResponseWriter, *http.Request) {})
	hangUp := listening(t, func(c net.Conn) { c.Close() })
	garbage := listening(t, func(c net.Conn) {
		c.Read(make([]byte, 1)) // an answer that comes before its question is another matter
		io.WriteString(c, "SSH-2.0-OpenSSH_9.9 and more\r\n\r\n")
		c.Close()
	})
	refused := listening(t, nil)

	_, port, _ := net.SplitHostPort(strings.TrimPrefix(unknown.URL, "https://"))
	for address, want := range map[string][]string{
		unknown.URL:                           {"its certificate is signed by an unknown authority"},
		"https://localhost:" + port:           {"its certificate is for another host", "connection refused"},
		expired.URL:                           {"its certificate has expired or is not valid yet"},
		"https" + clear.URL[4:]:               {"it speaks HTTP, not HTTPS"},
		"https://" + garbage:                  {"it does not speak TLS", "connection reset by peer"},
		"http://" + garbage:                   {"malformed HTTP", "connection reset by peer"},
		"http://" + hangUp:                    {"it closed the connection without an answer", "connection reset by peer"},
		"http://" + refused:                   {"connection refused"},
		"http://phorever-test.invalid/hidden": {"no such host", "cannot be looked up", "no answer within"},
	} {
		_, err := hookTo(t, address).Send(soon(t, 8*time.Second), crash())
		host := strings.TrimSuffix(address[strings.Index(address, "//")+2:], "/hidden")
		named := false
		for _, words := range want {
			named = named || err != nil && strings.HasPrefix(err.Error(), host+": ") && strings.Contains(err.Error(), words)
		}
		if !named || kind(err) != "again" {
			t.Errorf("%s: want one of %q, got %v", address, want, err)
		}
	}
}

// listening is a server of another kind; without a handler it is the address of one that is gone.
func listening(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if handle == nil {
		l.Close()
		return l.Addr().String()
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
		}
	}()
	return l.Addr().String()
}

func expiredCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1000, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestAnAddressMustBeOne(t *testing.T) {
	for _, address := range []string{"", "hooks.slack.com/services/T0/B0/t0ken", "ftp://h/t0ken", "https:///t0ken", "http://h:t0ken/", "http://t0ken%zz/", "http://h\x00/t0ken"} {
		_, err := channel.NewSlack(spec.Secret(address), atNoon)
		if err == nil || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%q: got %v", address, err)
		}
	}
}

func soonRapid(t *rapid.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestALimitOfTheTransportIsNamed with one that has less patience.
func TestALimitOfTheTransportIsNamed(t *testing.T) {
	silent := listening(t, func(c net.Conn) { io.Copy(io.Discard, c); c.Close() })
	for address, want := range map[string]string{
		"http://" + silent:  silent + ": no answer within 10s",
		"https://" + silent: silent + ": no TLS handshake within 5s",
	} {
		c := hookTo(t, address)
		channel.ByWayOf(c, &http.Transport{ResponseHeaderTimeout: 50 * time.Millisecond, TLSHandshakeTimeout: 50 * time.Millisecond})
		if _, err := c.Send(soon(t, 10*time.Second), crash()); kind(err) != "again" || err.Error() != want {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
