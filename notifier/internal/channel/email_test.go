package channel

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

func mailContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestMailIsDeliveredInEveryWayToReachAServer(t *testing.T) {
	certificate := mailCertificate(t, "127.0.0.1", time.Hour)
	for _, c := range []struct {
		name      string
		how       mailServing
		scheme    string
		userinfo  string
		query     string
		login     string
		encrypted bool
	}{
		{"plain, nobody logs in", mailServing{}, "smtp", "", "", "", false},
		{"opportunistic encryption", mailServing{certificate: certificate}, "smtp", "", "", "", true},
		{"encryption turned off", mailServing{certificate: certificate}, "smtp", "", "?starttls=off", "", false},
		{"STARTTLS and a login", mailServing{certificate: certificate}, "smtp", mailUserinfo, "?helo=web1.example.com", "PLAIN", true},
		{"TLS and a login", mailServing{certificate: certificate, implicit: true}, "smtps", mailUserinfo, "", "PLAIN", true},
		{"a certificate that nobody checks", mailServing{certificate: mailCertificate(t, "other.example.com", -time.Hour)},
			"smtp", mailUserinfo, "?insecure=true", "PLAIN", true},
		{"a login on this machine", mailServing{insecure: true}, "smtp", mailUserinfo, "?starttls=off", "PLAIN", false},
		{"the best of all logins", mailServing{certificate: certificate, configure: func(s *mailServer) {
			s.logins = []string{"LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-256"}
		}}, "smtp", mailUserinfo, "", "SCRAM-SHA-256", true},
		{"CRAM-MD5", mailServing{certificate: certificate, configure: func(s *mailServer) {
			s.logins = []string{"PLAIN", "CRAM-MD5"}
		}}, "smtp", mailUserinfo, "", "CRAM-MD5", true},
		{"LOGIN", mailServing{certificate: certificate, configure: func(s *mailServer) {
			s.logins = []string{"LOGIN", "XOAUTH2"}
		}}, "smtp", mailUserinfo, "", "LOGIN", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := serveMail(t, c.how)
			channel := server.channel(t, c.scheme, c.userinfo, c.query)
			answer, err := channel.Send(mailContext(t), mailMessage())
			if err != nil {
				t.Fatal(err)
			}
			if want := "250 2.0.0 queued as 1"; answer != want {
				t.Errorf("want answer %q, got %q", want, answer)
			}
			if got := len(server.received()); got != 1 {
				t.Errorf("want 1 letter, got %d", got)
			}
			if login, encrypted := server.lastLogin(); login != c.login || encrypted != c.encrypted {
				t.Errorf("want login %q, encrypted %v; got %q, %v", c.login, c.encrypted, login, encrypted)
			}
			if c.encrypted && strings.Contains(server.bytesHeard(), "MAIL FROM") {
				t.Error("it was sent without encryption")
			}
		})
	}
}

func TestMailIsNotSentWithoutTheEncryptionThatIsRequired(t *testing.T) {
	for _, url := range []struct{ userinfo, query string }{{mailUserinfo, ""}, {"", "?starttls=required"}} {
		server := serveMail(t, mailServing{insecure: true})
		_, err := server.channel(t, "smtp", url.userinfo, url.query).Send(mailContext(t), mailMessage())
		wantRefusal(t, err, "STARTTLS: the server does not offer it")
		if heard := server.bytesHeard(); strings.Contains(heard, "AUTH") || strings.Contains(heard, "MAIL") {
			t.Errorf("the server heard %q", heard)
		}
	}
}

func TestPasswordStaysHereWithoutEncryption(t *testing.T) {
	for _, logins := range [][]string{{"PLAIN"}, {"LOGIN"}, {"CRAM-MD5"}, {"SCRAM-SHA-256"}} {
		server := serveMail(t, mailServing{insecure: true, configure: func(s *mailServer) { s.logins = logins }})
		channel := server.channel(t, "smtp", mailUserinfo, "?starttls=opportunistic")
		channel.loopback = func(net.Addr) bool { return false }
		_, err := channel.Send(mailContext(t), mailMessage())
		wantRefusal(t, err, "AUTH: the connection is not encrypted: the password was not sent")
		if heard := server.bytesHeard(); strings.Contains(heard, "AUTH") || strings.Contains(heard, mailUser) {
			t.Errorf("the server heard %q", heard)
		}
	}
}

func TestOnlyLoopbackAddressesStayHere(t *testing.T) {
	for ip, want := range map[string]bool{"127.0.0.1": true, "127.9.9.9": true, "::1": true, "10.0.0.1": false, "192.0.2.1": false, "::": false} {
		if got := staysHere(&net.TCPAddr{IP: net.ParseIP(ip), Port: 25}); got != want {
			t.Errorf("%s: want %v, got %v", ip, want, got)
		}
	}
	if staysHere(&net.UnixAddr{Name: "127.0.0.1"}) {
		t.Error("an address that is no TCP address is taken for loopback")
	}
}

func TestLoginThatIsRefusedIsNotTriedAgain(t *testing.T) {
	certificate := mailCertificate(t, "127.0.0.1", time.Hour)
	for _, mech := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"} {
		server := serveMail(t, mailServing{certificate: certificate, configure: func(s *mailServer) { s.logins = []string{mech} }})
		_, err := server.channel(t, "smtp", "ops:wrong-password@", "").Send(mailContext(t), mailMessage())
		wantRefusal(t, err, `AUTH: the login of "ops" is refused: 535 5.7.8 bad credentials`)
		wantNoSecret(t, err, "wrong-password")
	}
	server := serveMail(t, mailServing{certificate: certificate, configure: func(s *mailServer) { s.logins = []string{"XOAUTH2", "GSSAPI"} }})
	_, err := server.channel(t, "smtp", mailUserinfo, "").Send(mailContext(t), mailMessage())
	wantRefusal(t, err, "no way to log in that we know: XOAUTH2 GSSAPI")
}

func TestServerCannotMakeUsHashForever(t *testing.T) {
	server := serveMail(t, mailServing{certificate: mailCertificate(t, "127.0.0.1", time.Hour), configure: func(s *mailServer) {
		s.logins, s.rounds = []string{"SCRAM-SHA-256"}, 2_000_000_000
	}})
	_, err := server.channel(t, "smtp", mailUserinfo, "").Send(mailContext(t), mailMessage())
	wantAnotherTry(t, err, "hashed more often than is sane")
}

func TestAnswersDecideWhetherAnotherTryHelps(t *testing.T) {
	busy := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try\x1b[31m later"}
	never := &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: strings.Repeat("go away é", 100)}
	for _, c := range []struct {
		name string
		set  func(s *mailServer, answer error)
	}{
		{"MAIL", func(s *mailServer, answer error) { s.onMail = func() error { return answer } }},
		{"RCPT", func(s *mailServer, answer error) { s.onRcpt = func(string) error { return answer } }},
		{"DATA", func(s *mailServer, answer error) { s.onData = func(int) error { return answer } }},
	} {
		server := serveMail(t, mailServing{configure: func(s *mailServer) { c.set(s, busy) }})
		_, err := server.channel(t, "smtp", "", "").Send(mailContext(t), mailMessage())
		wantAnotherTry(t, err, "451 4.3.0 try [31m later")

		server = serveMail(t, mailServing{configure: func(s *mailServer) { c.set(s, never) }})
		_, err = server.channel(t, "smtp", "", "").Send(mailContext(t), mailMessage())
		wantRefusal(t, err, c.name+": ")
		wantRefusal(t, err, "554 5.7.1 go away")
		if len(err.Error()) > 300 {
			t.Errorf("%s: the answer was not cut: %d bytes", c.name, len(err.Error()))
		}
	}
}

func TestOthersGetTheirMailWhenOneIsRefused(t *testing.T) {
	server := serveMail(t, mailServing{configure: func(s *mailServer) {
		s.onRcpt = func(to string) error {
			if to == "gone@example.com" {
				return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
			}
			return nil
		}
	}})
	channel := server.channel(t, "smtp", "", "", "a@example.com", "Gone <gone@example.com>", "b@example.com")
	answer, err := channel.Send(mailContext(t), mailMessage())
	if err != nil {
		t.Fatal(err)
	}
	if want := "250 2.0.0 queued as 1; refused for gone@example.com: 550 5.1.1 no such user"; answer != want {
		t.Errorf("want %q, got %q", want, answer)
	}
	if got := strings.Join(server.recipients()[0], " "); got != "a@example.com b@example.com" {
		t.Errorf("delivered to %s", got)
	}
}

func TestNobodyGetsMailTwiceBecauseOneIsPutOff(t *testing.T) {
	var full atomic.Bool
	full.Store(true)
	server := serveMail(t, mailServing{configure: func(s *mailServer) {
		s.onRcpt = func(to string) error {
			if to == "full@example.com" && full.Load() {
				return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "mailbox full"}
			}
			return nil
		}
	}})
	channel := server.channel(t, "smtp", "", "", "a@example.com", "full@example.com")
	for range 2 {
		_, err := channel.Send(mailContext(t), mailMessage())
		wantAnotherTry(t, err, "put off for full@example.com: 452 4.2.2 mailbox full")
	}
	full.Store(false)
	if _, err := channel.Send(mailContext(t), mailMessage()); err != nil {
		t.Fatal(err)
	}
	if got := server.recipients(); len(got) != 2 || strings.Join(got[0], " ") != "a@example.com" || strings.Join(got[1], " ") != "full@example.com" {
		t.Errorf("delivered to %v", got)
	}
	if len(channel.served) != 0 {
		t.Errorf("still remembered: %v", channel.served)
	}
}

func TestWhoHasAMessageIsNotRememberedForever(t *testing.T) {
	channel := mailChannel(t, "smtp://127.0.0.1", nil, "a@example.com")
	for i := range 10 * mostServed {
		channel.remember(strings.Repeat("x", i), []string{"a@example.com"})
	}
	if got := len(channel.served); got > mostServed {
		t.Errorf("%d messages are remembered", got)
	}
}

func wantRefusal(t *testing.T, err error, part string) {
	t.Helper()
	var refusal news.Refusal
	if !errors.As(err, &refusal) {
		t.Errorf("want a refusal, got %v", err)
		return
	}
	wantPart(t, err, part)
}

func wantAnotherTry(t *testing.T, err error, part string) {
	t.Helper()
	var refusal news.Refusal
	if err == nil || errors.As(err, &refusal) {
		t.Errorf("want an error that is worth another try, got %v", err)
		return
	}
	wantPart(t, err, part)
}

func wantPart(t *testing.T, err error, part string) {
	t.Helper()
	if !strings.Contains(err.Error(), part) {
		t.Errorf("want an error with %q, got %q", part, err)
	}
	if news.Printable(err.Error()) != err.Error() {
		t.Errorf("the error %q holds what a terminal obeys", err)
	}
	wantNoSecret(t, err, mailPassword)
}

func wantNoSecret(t *testing.T, err error, password string) {
	t.Helper()
	for _, form := range []string{password, base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte("\x00" + mailUser + "\x00" + password))} {
		if err != nil && strings.Contains(err.Error(), form) {
			t.Errorf("the error tells the password: %q", err)
		}
	}
}
