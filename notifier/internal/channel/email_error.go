package channel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"syscall"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

// explain says in plain words why a delivery ended at a step, and whether another try may help.
func (s smtpServer) explain(ctx context.Context, step smtpStep, err error) error {
	told := func(reason string) error { return fmt.Errorf("%s: %s: %s", s.address(), step.name, reason) }
	var ours news.Refusal
	if errors.As(err, &ours) {
		return news.Refusal{Err: told(ours.Error())}
	}
	var answer *textproto.Error
	if errors.As(err, &answer) {
		reason := strconv.Itoa(answer.Code) + " " + s.quoted(answer.Msg)
		if step.name == "AUTH" {
			reason = fmt.Sprintf("the login of %q is refused: %s", s.user, reason)
		}
		if step.firm && answer.Code/100 == 5 {
			return news.Refusal{Err: told(reason)}
		}
		return told(reason)
	}
	// The connection ends with the context: what the network says then is only a consequence.
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return told("interrupted")
	case ctx.Err() != nil:
		return told("no answer in time")
	}
	if reason := s.tlsReason(err); reason != "" {
		return told(reason)
	}
	return told(s.networkReason(err))
}

func (s smtpServer) tlsReason(err error) string {
	const anyway = " (?insecure=true in the URL accepts any)"
	var (
		wrongHost    x509.HostnameError
		invalid      x509.CertificateInvalidError
		stranger     x509.UnknownAuthorityError
		noTLS        tls.RecordHeaderError
		verification *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &wrongHost):
		names := wrongHost.Certificate.DNSNames
		for _, ip := range wrongHost.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		return fmt.Sprintf("its certificate is for another host: for %s, not for %s%s", s.quoted(strings.Join(names, ", ")), s.host, anyway)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("its certificate is valid only from %s to %s",
			invalid.Cert.NotBefore.Format("2006-01-02 15:04 MST"), invalid.Cert.NotAfter.Format("2006-01-02 15:04 MST"))
	case errors.As(err, &stranger):
		return "its certificate is signed by an authority that this machine does not know" + anyway
	case errors.As(err, &verification):
		return "its certificate cannot be trusted: " + s.quoted(verification.Err.Error())
	case errors.As(err, &noTLS):
		return "it does not speak TLS on this port; for STARTTLS the URL begins with smtp://"
	}
	return ""
}

func (s smtpServer) networkReason(err error) string {
	var lookup *net.DNSError
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "no such host"
	case errors.As(err, &lookup):
		return "the name of the host could not be looked up: " + s.quoted(lookup.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there"
	case errors.Is(err, errTalksTooMuch):
		return errTalksTooMuch.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the server closed the connection"
	}
	return s.quoted(err.Error())
}
