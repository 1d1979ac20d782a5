package channel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

// smtpTalk is one delivery: a connection from its beginning to its end. The library's own client is not used, only its protocol: it
// would give up on all recipients when one is refused.
type smtpTalk struct {
	email  *email
	letter []byte
	served []string // who has it already

	conn      *smtpConn   // nil before there is one
	forget    func() bool // stop ending the connection with the context
	client    *smtp.Client
	encrypted bool

	accepted []string // who gets the letter now
	refused  verdicts // who never will
	putOff   verdicts // who may later
	answer   string   // to the letter
}

// smtpStep is one stage of a delivery.
type smtpStep struct {
	name string
	do   func(*smtpTalk, context.Context) error
	firm bool // what is refused here with a 5xx is refused for good
}

var smtpSteps = []smtpStep{
	{"connect", (*smtpTalk).connect, false},
	{"greeting", (*smtpTalk).greet, false},
	{"EHLO", (*smtpTalk).hello, false},
	{"STARTTLS", (*smtpTalk).encrypt, false},
	{"AUTH", (*smtpTalk).logIn, true},
	{"MAIL", (*smtpTalk).sender, true},
	{"RCPT", (*smtpTalk).recipients, true},
	{"DATA", (*smtpTalk).data, true},
}

func (t *smtpTalk) connect(ctx context.Context) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", t.email.server.address())
	if err != nil {
		return err
	}
	t.conn = &smtpConn{Conn: conn, left: mostAnswered}
	// The library sets no limit of time on what it reads and writes: a connection that is closed ends any of it.
	t.forget = context.AfterFunc(ctx, func() { conn.Close() })
	return nil
}

func (t *smtpTalk) greet(ctx context.Context) error {
	var conn net.Conn = t.conn
	if t.email.server.implicit {
		secured := tls.Client(conn, t.tlsConfig())
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		conn, t.encrypted = secured, true
	}
	client, err := smtp.NewClient(conn, t.email.server.host)
	t.client = client
	return err
}

func (t *smtpTalk) hello(context.Context) error { return t.client.Hello(t.email.server.helo) }

func (t *smtpTalk) encrypt(context.Context) error {
	server := t.email.server
	if t.encrypted || server.startTLS == startTLSOff {
		return nil
	}
	if offered, _ := t.client.Extension("STARTTLS"); !offered {
		if server.startTLS == startTLSRequired {
			return news.Refusal{Err: errors.New("the server does not offer it, and nothing is sent there without encryption")}
		}
		return nil
	}
	if err := t.client.StartTLS(t.tlsConfig()); err != nil {
		return err
	}
	t.encrypted = true
	return nil
}

func (t *smtpTalk) tlsConfig() *tls.Config {
	return &tls.Config{
		ServerName: t.email.server.host, MinVersion: tls.VersionTLS12,
		RootCAs: t.email.roots, InsecureSkipVerify: t.email.server.insecure,
	}
}

func (t *smtpTalk) logIn(context.Context) error {
	if t.email.server.user == "" {
		return nil
	}
	if !t.encrypted && !t.email.loopback(t.conn.RemoteAddr()) {
		return news.Refusal{Err: errors.New("the connection is not encrypted: the password was not sent")}
	}
	_, offered := t.client.Extension("AUTH")
	login, err := t.email.server.login(offered, !t.encrypted)
	if err != nil {
		return err
	}
	return t.client.Auth(login)
}

func (t *smtpTalk) sender(context.Context) error {
	everybody := append([]*mail.Address{t.email.from}, t.email.to...)
	// A relay that cannot pass it on bounces a mail that was announced as UTF-8; ours is not, if all addresses are ASCII.
	t.client.SkipSMTPUTF8(!slices.ContainsFunc(everybody, func(a *mail.Address) bool { return !isASCII(a.Address) }))
	return t.client.Mail(envelope(t.email.from))
}

// recipients asks for each of them. It fails where nobody is left to get the letter.
func (t *smtpTalk) recipients(context.Context) error {
	for _, to := range t.email.to {
		if slices.Contains(t.served, to.Address) || slices.Contains(t.accepted, to.Address) {
			continue
		}
		err := t.client.Rcpt(envelope(to))
		var answer *textproto.Error
		switch {
		case err == nil:
			t.accepted = append(t.accepted, to.Address)
		case !errors.As(err, &answer) || answer.Code == 421: // the server ends the connection
			return err
		case answer.Code/100 == 5:
			t.refused = append(t.refused, t.verdict(to, answer))
		default:
			t.putOff = append(t.putOff, t.verdict(to, answer))
		}
	}
	if len(t.refused) == len(t.email.to) {
		return news.Refusal{Err: fmt.Errorf("refused for %s", t.refused)}
	}
	return nil
}

func (t *smtpTalk) data(context.Context) error {
	if len(t.accepted) == 0 {
		return nil // all others are served, refused or put off
	}
	writer, err := t.client.Data()
	if err != nil {
		return err
	}
	if _, err := writer.Write(t.letter); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	t.served = slices.Concat(t.served, t.accepted)
	if end, ok := writer.(*smtp.DataCloser); ok {
		t.answer = t.email.server.quoted(end.ServerResponse())
	}
	return nil
}

// close says goodbye, and does not wait long for the answer: what became of the mail is known by then.
func (t *smtpTalk) close() {
	if t.conn == nil {
		return
	}
	if t.client != nil && t.conn.SetDeadline(time.Now().Add(farewell)) == nil {
		_ = t.client.Quit()
	}
	t.forget()
	t.conn.Close()
}

// cause is why a step failed. A line that was cut off where we stopped reading looks like a strange answer.
func (t *smtpTalk) cause(err error) error {
	if t.conn != nil && t.conn.left <= 0 {
		return errTalksTooMuch
	}
	return err
}

// summary is what came of it, in a few words.
func (t *smtpTalk) summary() string {
	text := "accepted by " + t.email.server.host
	if t.answer != "" {
		text = "250 " + t.answer
	}
	if len(t.refused) > 0 {
		text += "; refused for " + t.refused.String()
	}
	return text
}

// verdicts are what a server said about recipients, as "bob@example.com: 550 no such user".
type verdicts []string

func (t *smtpTalk) verdict(to *mail.Address, answer *textproto.Error) string {
	return to.Address + ": " + strconv.Itoa(answer.Code) + " " + t.email.server.quoted(answer.Msg)
}

func (v verdicts) String() string {
	if len(v) > news.MostNamed {
		return strings.Join(v[:news.MostNamed], ", ") + fmt.Sprintf(", and %d more", len(v)-news.MostNamed)
	}
	return strings.Join(v, ", ")
}

// envelope is an address between angle brackets, quoted where it has to be.
func envelope(a *mail.Address) string { return (&mail.Address{Address: a.Address}).String() }

// smtpConn gives up on a server that talks too much.
type smtpConn struct {
	net.Conn
	left int
}

var errTalksTooMuch = errors.New("the server's answers have no end")

func (c *smtpConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalksTooMuch
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
