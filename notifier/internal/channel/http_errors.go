package channel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// explain names what failed before there was an answer: the host, and the reason in plain words. Of the address it tells
// nothing else.
func explain(ctx context.Context, err error, host string, within time.Duration, hidden secrets) error {
	var refusal news.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	switch ctx.Err() {
	case nil:
	case context.DeadlineExceeded:
		return fmt.Errorf("%s: no answer within %s", host, spec.FormatDuration(within))
	default:
		return fmt.Errorf("%s: %w", host, ctx.Err())
	}
	var outer *url.Error // its text holds the whole address
	for errors.As(err, &outer) {
		err = outer.Err
	}
	return fmt.Errorf("%s: %s", host, shortened(news.Printable(hidden.hide(reason(err, host))), mostTold))
}

func reason(err error, host string) string {
	var (
		lookup  *net.DNSError
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		timeout net.Error
		op      *net.OpError
	)
	switch {
	case errors.As(err, &lookup):
		return unknownName(lookup, host)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &cert):
		return certificate(cert)
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it speaks HTTP, not HTTPS"
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.As(err, &timeout) && timeout.Timeout():
		return late(err)
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "server closed idle connection"):
		return "it closed the connection without an answer"
	}
	return strings.TrimPrefix(err.Error(), "net/http: ")
}

// unknownName tells which name the resolver does not know, where that is not the host itself but a proxy.
func unknownName(lookup *net.DNSError, host string) string {
	why := "its name cannot be looked up: " + lookup.Err
	switch {
	case lookup.IsNotFound:
		why = "no such host"
	case lookup.IsTimeout:
		why = "its name cannot be looked up: no answer from the name server"
	}
	if name := strings.TrimSuffix(lookup.Name, "."); name != "" && !strings.HasPrefix(host, name) {
		return name + ": " + why
	}
	return why
}

func certificate(err *tls.CertificateVerificationError) string {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &authority):
		return "its certificate is signed by an unknown authority"
	case errors.As(err, &name):
		return "its certificate is for another host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired or is not valid yet"
	}
	return "its certificate is not valid: " + err.Err.Error()
}

// late tells which of the transport's limits was met: net/http has no types for them.
func late(err error) string {
	var op *net.OpError
	text := err.Error()
	switch {
	case strings.Contains(text, "TLS handshake"):
		return "no TLS handshake within " + spec.FormatDuration(handshakeWithin)
	case strings.Contains(text, "awaiting response headers"):
		return "no answer within " + spec.FormatDuration(headersWithin)
	case errors.As(err, &op) && op.Op == "dial":
		return "no connection within " + spec.FormatDuration(dialWithin)
	}
	return "it takes too long"
}
