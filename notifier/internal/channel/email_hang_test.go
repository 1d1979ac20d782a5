package channel

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailScript is a server that says what a test wants. It is nobody's example.
type mailScript struct {
	net.Conn
	lines *bufio.Reader
}

func (s *mailScript) say(line string) { io.WriteString(s.Conn, line+"\r\n") }

// hear reads commands until one begins with a word, and answers all before it with 250.
func (s *mailScript) hear(word string) string {
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil || strings.HasPrefix(line, word) {
			return line
		}
		s.say("250 ok")
	}
}

// hearLetter reads until its end.
func (s *mailScript) hearLetter() {
	for line, err := "", error(nil); err == nil && line != ".\r\n"; {
		line, err = s.lines.ReadString('\n')
	}
}

// secure goes on with TLS.
func (s *mailScript) secure(certificate *tls.Certificate) {
	s.Conn = tls.Server(s.Conn, &tls.Config{Certificates: []tls.Certificate{*certificate}})
	s.lines = bufio.NewReader(s.Conn)
}

// hang waits until the other side has gone.
func (s *mailScript) hang() { io.Copy(io.Discard, s.Conn) }

// serveMailScript plays a script to each connection, and ends when the test does.
func serveMailScript(t *testing.T, play func(*mailScript)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				play(&mailScript{conn, bufio.NewReader(conn)})
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait()
	})
	return listener.Addr().String()
}

func TestServerThatHangsHoldsNobodyLongerThanTheContext(t *testing.T) {
	certificate := mailCertificate(t, "127.0.0.1", time.Hour)
	greeted := func(s *mailScript) {
		s.say("220 mx")
		s.hear("EHLO")
	}
	secured := func(s *mailScript) {
		greeted(s)
		s.say("250-mx")
		s.say("250 STARTTLS")
		s.hear("STARTTLS")
		s.say("220 go on")
		s.secure(certificate)
		s.hear("EHLO")
	}
	plain := func(s *mailScript) {
		greeted(s)
		s.say("250 mx")
	}
	for _, c := range []struct {
		name, scheme, userinfo, step string
		until                        func(*mailScript) // plays, until the server hangs
	}{
		// Nothing comes from us before the greeting: we may still be connecting when it does not come.
		{"no greeting", "smtp", "", "", func(*mailScript) {}},
		{"half a greeting", "smtp", "", "", func(s *mailScript) { io.WriteString(s, "220-mx\r\n220") }},
		{"no handshake", "smtps", "", "greeting", func(s *mailScript) { s.lines.ReadByte() }},
		{"after EHLO", "smtp", "", "EHLO", greeted},
		{"after STARTTLS", "smtp", "", "STARTTLS", func(s *mailScript) {
			greeted(s)
			s.say("250-mx")
			s.say("250 STARTTLS")
			s.hear("STARTTLS")
		}},
		{"in the handshake", "smtp", "", "STARTTLS", func(s *mailScript) {
			greeted(s)
			s.say("250-mx")
			s.say("250 STARTTLS")
			s.hear("STARTTLS")
			s.say("220 go on")
			s.lines.ReadByte()
		}},
		{"after the second EHLO", "smtp", "", "STARTTLS", secured},
		{"after AUTH", "smtp", mailUserinfo, "AUTH", func(s *mailScript) {
			secured(s)
			s.say("250-mx")
			s.say("250 AUTH PLAIN")
			s.hear("AUTH")
		}},
		{"after MAIL", "smtp", "", "MAIL", func(s *mailScript) { plain(s); s.hear("MAIL") }},
		{"after RCPT", "smtp", "", "RCPT", func(s *mailScript) { plain(s); s.hear("RCPT") }},
		{"after DATA", "smtp", "", "DATA", func(s *mailScript) { plain(s); s.hear("DATA") }},
		{"after the letter", "smtp", "", "DATA", func(s *mailScript) {
			plain(s)
			s.hear("DATA")
			s.say("354 go on")
			s.hearLetter()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(mailContext(t))
			defer cancel()
			address := serveMailScript(t, func(s *mailScript) {
				c.until(s)
				cancel()
				s.hang()
			})
			channel := mailChannel(t, c.scheme+"://"+c.userinfo+address, mailCA().pool, "a@example.com")
			_, err := channel.Send(ctx, mailMessage())
			wantAnotherTry(t, err, c.step+": interrupted")
		})
	}
}

func TestServerThatDripsHoldsNobodyLongerThanTheContext(t *testing.T) {
	address := serveMailScript(t, func(s *mailScript) {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.WriteString(s, "2"); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := mailChannel(t, "smtp://"+address, nil, "a@example.com").Send(ctx, mailMessage())
	wantAnotherTry(t, err, ": no answer in time")
}

func TestServerThatTalksForeverIsLeftAlone(t *testing.T) {
	forever := func(s *mailScript, text string) {
		for {
			if _, err := io.WriteString(s, text); err != nil {
				return
			}
		}
	}
	for _, c := range []struct {
		name, userinfo string
		play           func(*mailScript)
	}{
		{"a greeting of many lines", "", func(s *mailScript) { forever(s, "220-"+strings.Repeat("welcome ", 100)+"\r\n") }},
		{"a greeting of many short lines", "", func(s *mailScript) { forever(s, strings.Repeat("220-\r\n", 500)) }},
		{"a greeting of one line", "", func(s *mailScript) { forever(s, strings.Repeat("welcome ", 500)) }},
		{"many extensions", "", func(s *mailScript) {
			s.say("220 mx")
			s.hear("EHLO")
			forever(s, strings.Repeat("250-X\r\n", 500))
		}},
		{"many questions", mailUserinfo, func(s *mailScript) {
			s.say("220 mx")
			s.hear("EHLO")
			s.say("250-mx")
			s.say("250 AUTH CRAM-MD5")
			s.hear("AUTH")
			for {
				s.say("334 " + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("why ", 800))))
				if _, err := s.lines.ReadString('\n'); err != nil {
					return
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			query := "?starttls=off"
			channel := mailChannel(t, "smtp://"+c.userinfo+serveMailScript(t, c.play)+query, nil, "a@example.com")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := channel.Send(mailContext(t), mailMessage())
			runtime.ReadMemStats(&after)
			wantAnotherTry(t, err, "have no end")
			if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
				t.Errorf("it took %d bytes of memory", got)
			}
		})
	}
}

func TestMailIsDeliveredEvenIfTheServerDoesNotSayGoodbye(t *testing.T) {
	address := serveMailScript(t, func(s *mailScript) {
		s.say("220 mx")
		s.hear("DATA")
		s.say("354 go on")
		s.hearLetter()
		s.say("250 ")
		s.hang()
	})
	answer, err := mailChannel(t, "smtp://"+address, nil, "a@example.com").Send(mailContext(t), mailMessage())
	if err != nil {
		t.Fatal(err)
	}
	if want := "accepted by 127.0.0.1"; answer != want {
		t.Errorf("want %q, got %q", want, answer)
	}
}

func TestConnectionThatEndsIsNamed(t *testing.T) {
	address := serveMailScript(t, func(s *mailScript) {
		s.say("220 mx")
		s.hear("MAIL")
	})
	_, err := mailChannel(t, "smtp://"+address, nil, "a@example.com").Send(mailContext(t), mailMessage())
	wantAnotherTry(t, err, "MAIL: the server closed the connection")

	address = serveMailScript(t, func(s *mailScript) { s.say("554 go away") })
	_, err = mailChannel(t, "smtp://"+address, nil, "a@example.com").Send(mailContext(t), mailMessage())
	wantAnotherTry(t, err, "greeting: 554 go away")

	address = serveMailScript(t, func(s *mailScript) { s.say("HTTP/1.1 400 \x07Bad Request") })
	_, err = mailChannel(t, "smtp://"+address, nil, "a@example.com").Send(mailContext(t), mailMessage())
	wantAnotherTry(t, err, "greeting: ")
}

func TestServerThatRepeatsThePasswordIsNotQuoted(t *testing.T) {
	for _, echo := range []func(line string) string{
		func(line string) string { return "535 no: " + line },
		func(line string) string { return "535-no\r\n535 " + line[:20] + " " + line[20:] },
		func(string) string { return "535 not with " + mailPassword },
		func(string) string { return "454 not with " + strings.ToUpper(mailPassword) },
		func(string) string { return "535 not with s3cret%3Ap%40ss%2Fw%25rd" },
		func(string) string {
			return "535 " + base64.URLEncoding.EncodeToString([]byte("password="+mailPassword+"!"))
		},
	} {
		ctx, cancel := context.WithCancel(mailContext(t))
		address := serveMailScript(t, func(s *mailScript) {
			s.say("220 mx")
			s.hear("EHLO")
			s.say("250-mx")
			s.say("250 AUTH PLAIN")
			s.say(echo(strings.TrimSpace(s.hear("AUTH"))))
			s.hear("*") // what the server has said counts, even if nothing comes any more
			cancel()
			s.hang()
		})
		_, err := mailChannel(t, "smtp://"+mailUserinfo+address+"?starttls=off", nil, "a@example.com").Send(ctx, mailMessage())
		cancel()
		if err == nil || !strings.Contains(err.Error(), "(an answer that holds the password)") {
			t.Errorf("got %v", err)
		}
		wantNoSecret(t, err, mailPassword)
	}
}
