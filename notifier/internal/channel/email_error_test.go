package channel

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

func TestCertificatesThatNobodyShouldTrustAreNamed(t *testing.T) {
	for _, c := range []struct {
		name, want string
		host       string
		until      time.Duration
		roots      *x509.CertPool
	}{
		{"expired", "its certificate is valid only from ", "127.0.0.1", -time.Hour, mailCA().pool},
		{"another host", "its certificate is for another host: for mail.example.com, not for 127.0.0.1", "mail.example.com", time.Hour, mailCA().pool},
		{"unknown authority", "signed by an authority that this machine does not know", "127.0.0.1", time.Hour, x509.NewCertPool()},
	} {
		for _, scheme := range []string{"smtp", "smtps"} {
			t.Run(c.name+" "+scheme, func(t *testing.T) {
				server := serveMail(t, mailServing{certificate: mailCertificate(t, c.host, c.until), implicit: scheme == "smtps"})
				channel := server.channel(t, scheme, mailUserinfo, "")
				channel.roots = c.roots
				_, err := channel.Send(mailContext(t), mailMessage())
				wantAnotherTry(t, err, c.want)
				if got := len(server.received()); got != 0 {
					t.Errorf("%d letters were sent", got)
				}
			})
		}
	}
	plain := serveMail(t, mailServing{})
	_, err := plain.channel(t, "smtps", "", "").Send(mailContext(t), mailMessage())
	wantAnotherTry(t, err, "it does not speak TLS on this port")
}

func TestNetworkErrorsAreNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, err = mailChannel(t, "smtp://"+address, nil, "a@example.com").Send(mailContext(t), mailMessage())
	wantAnotherTry(t, err, address+": connect: connection refused: nothing listens there")

	server := smtpServer{host: "mail", port: "25", password: "hunter2"}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "mail", IsNotFound: true}}, "mail:25: connect: no such host"},
		{&net.DNSError{Err: "server misbehaving", Name: "mail"}, "mail:25: connect: the name of the host could not be looked up: server misbehaving"},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), "mail:25: connect: the server closed the connection"},
		{errors.New("strange: hunter2"), "mail:25: connect: (an answer that holds the password)"},
		{x509.UnknownAuthorityError{}, "mail:25: connect: its certificate is signed by an authority that this machine does not know (?insecure=true in the URL accepts any)"},
	} {
		if got := server.explain(t.Context(), smtpSteps[0], c.err).Error(); got != c.want {
			t.Errorf("want %q, got %q", c.want, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, want := server.explain(ctx, smtpSteps[0], net.ErrClosed).Error(), "mail:25: connect: interrupted"; got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}
