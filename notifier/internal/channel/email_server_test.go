package channel

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

const (
	mailUser     = "ops@example.com"
	mailPassword = "s3cret:p@ss/w%rd"
	// mailUserinfo is how both are written in a URL.
	mailUserinfo = "ops%40example.com:s3cret%3Ap%40ss%2Fw%25rd@"
)

// mailServer is a real SMTP server on loopback that keeps what it gets.
type mailServer struct {
	addr  string
	roots *x509.CertPool

	logins []string                      // the mechanisms that it offers
	onMail func() error                  // what it says to MAIL
	onRcpt func(to string) error         // to RCPT
	onData func(letters int) error       // to the end of DATA, after so many
	rounds int                           // what SCRAM asks for
	sasl   func(mech string) sasl.Server // instead of its own

	mu      sync.Mutex
	heard   bytes.Buffer // every byte, before decryption
	letters []string
	to      [][]string
	login   string // the mechanism that worked
	tls     bool   // whether the newest letter came encrypted
}

// mailServing is how a server is reached.
type mailServing struct {
	implicit    bool              // TLS from the first byte
	certificate *tls.Certificate  // nil: no TLS at all
	insecure    bool              // offers AUTH without TLS
	configure   func(*mailServer) // before it serves
}

func serveMail(t *testing.T, how mailServing) *mailServer {
	t.Helper()
	s := &mailServer{roots: mailCA().pool, logins: []string{"PLAIN"}, rounds: 4096}
	if how.configure != nil {
		how.configure(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	listener = mailEavesdropper{listener, s}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{server: s, conn: c}, nil }))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "mx.example.com", how.insecure, noMailLog{}
	if how.certificate != nil {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*how.certificate}}
		if how.implicit {
			listener = tls.NewListener(listener, server.TLSConfig)
		}
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return s
}

// channel sends to the server; the URL's host is filled in.
func (s *mailServer) channel(t *testing.T, scheme, userinfo, query string, to ...string) *email {
	t.Helper()
	if len(to) == 0 {
		to = []string{"oncall@example.com"}
	}
	return mailChannel(t, scheme+"://"+userinfo+s.addr+query, s.roots, to...)
}

func mailChannel(t *testing.T, url string, roots *x509.CertPool, to ...string) *email {
	t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	channel, err := NewEmail(spec.Email{SMTP: spec.Secret(url), From: "Phorever <phorever@example.com>", To: to}, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	e, ok := channel.(*email)
	if !ok {
		t.Fatalf("got a %T", channel)
	}
	e.roots = roots
	return e
}

func mailMessage() news.Message {
	at := time.Date(2026, 3, 1, 11, 59, 30, 0, time.UTC)
	return news.Message{
		ID: "01JN0000000000000000000001", Kind: news.First, Incident: "01JN0000000000000000000001", Headline: "gave up on worker:1: 5 failures in 1m0s",
		Severity: event.Error, Time: at, Since: at, Host: "web1.example.com", Project: "/srv/shop", Count: 1,
		Processes: []spec.CloneID{"worker:1"},
		Event: event.Record{ID: "01JN0000000000000000000001", Time: at, Event: "process.gave_up", Severity: event.Error, Process: "worker:1",
			Role: "worker", LogTail: []string{"connecting", "<script>alert(1)</script>", "fatal: no route"}},
	}
}

func (s *mailServer) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.letters...)
}

func (s *mailServer) recipients() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]string(nil), s.to...)
}

func (s *mailServer) bytesHeard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard.String()
}

func (s *mailServer) lastLogin() (login string, encrypted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.login, s.tls
}

type mailSession struct {
	server *mailServer
	conn   *smtp.Conn
	to     []string
}

func (s *mailSession) Reset()                   { s.to = nil }
func (s *mailSession) Logout() error            { return nil }
func (s *mailSession) AuthMechanisms() []string { return s.server.logins }

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if s.server.onMail != nil {
		return s.server.onMail()
	}
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.server.onRcpt != nil {
		if err := s.server.onRcpt(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	letter, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, encrypted := s.conn.TLSConnectionState()
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.onData != nil {
		if err := s.server.onData(len(s.server.letters)); err != nil {
			return err
		}
	}
	s.server.letters = append(s.server.letters, string(letter))
	s.server.to = append(s.server.to, s.to)
	s.server.tls = encrypted
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: fmt.Sprintf("queued as %d", len(s.server.letters))}
}

func (s *mailSession) Auth(mech string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != mailUser || password != mailPassword {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "bad credentials"}
		}
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.login = mech
		return nil
	}
	if s.server.sasl != nil {
		return s.server.sasl(mech), nil
	}
	switch mech {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case "LOGIN":
		return &mailLogin{check: check}, nil
	case "CRAM-MD5":
		return &mailCRAM{check: check}, nil
	case "SCRAM-SHA-256":
		return &mailSCRAM{check: check, rounds: s.server.rounds}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

type mailLogin struct {
	check func(user, password string) error
	heard []string
}

func (l *mailLogin) Next(response []byte) ([]byte, bool, error) {
	if response != nil {
		l.heard = append(l.heard, string(response))
	}
	switch len(l.heard) {
	case 0:
		return []byte("Username:"), false, nil
	case 1:
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.heard[0], l.heard[1])
}

type mailCRAM struct {
	check func(user, password string) error
	asked bool
}

func (c *mailCRAM) Next(response []byte) ([]byte, bool, error) {
	const challenge = "<1@mx.example.com>"
	if !c.asked {
		c.asked = true
		return []byte(challenge), false, nil
	}
	mac := hmac.New(md5.New, []byte(mailPassword))
	mac.Write([]byte(challenge))
	if string(response) != fmt.Sprintf("%s %x", mailUser, mac.Sum(nil)) {
		return nil, true, c.check("", "")
	}
	return nil, true, c.check(mailUser, mailPassword)
}

// mailSCRAM is the server's half of RFC 5802.
type mailSCRAM struct {
	check       func(user, password string) error
	rounds      int
	step        int
	first, sent string
}

func (s *mailSCRAM) Next(response []byte) ([]byte, bool, error) {
	s.step++
	switch s.step {
	case 1:
		return nil, false, nil
	case 2:
		s.first = strings.TrimPrefix(string(response), "n,,")
		_, nonce, _ := strings.Cut(s.first, ",r=")
		s.sent = fmt.Sprintf("r=%sserver,s=%s,i=%d", nonce, base64.StdEncoding.EncodeToString([]byte("salt")), s.rounds)
		return []byte(s.sent), false, nil
	case 3:
		final, proof, _ := strings.Cut(string(response), ",p=")
		mac := func(key []byte, text string) []byte {
			h := hmac.New(sha256.New, key)
			h.Write([]byte(text))
			return h.Sum(nil)
		}
		salted, err := pbkdf2.Key(sha256.New, mailPassword, []byte("salt"), s.rounds, 32)
		if err != nil {
			return nil, true, err
		}
		client := mac(salted, "Client Key")
		stored := sha256.Sum256(client)
		signed := s.first + "," + s.sent + "," + final
		want := make([]byte, 32)
		subtle.XORBytes(want, client, mac(stored[:], signed))
		if proof != base64.StdEncoding.EncodeToString(want) {
			return nil, true, s.check("", "")
		}
		return []byte("v=" + base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), signed))), false, nil
	}
	return nil, true, s.check(mailUser, mailPassword)
}

type noMailLog struct{}

func (noMailLog) Printf(string, ...any) {}
func (noMailLog) Println(...any)        {}

// mailEavesdropper keeps what comes over the wire.
type mailEavesdropper struct {
	net.Listener
	server *mailServer
}

func (l mailEavesdropper) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return mailWire{conn, l.server}, nil
}

type mailWire struct {
	net.Conn
	server *mailServer
}

func (w mailWire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	w.server.heard.Write(p[:n])
	return n, err
}

// mailAuthority signs the certificates of the tests.
type mailAuthority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
	err  error
}

var mailCA = sync.OnceValue(func() mailAuthority {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tests"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, err2 := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	cert, err3 := x509.ParseCertificate(der)
	ca := mailAuthority{key: key, cert: cert, pool: x509.NewCertPool(), err: errors.Join(err, err2, err3)}
	if ca.err == nil {
		ca.pool.AddCert(cert)
	}
	return ca
})

// mailCertificate is one for a host, valid until a time from now.
func mailCertificate(t *testing.T, host string, until time.Duration) *tls.Certificate {
	t.Helper()
	ca := mailCA()
	if ca.err != nil {
		t.Fatal(ca.err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(until),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
