package channel

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

const (
	// mostAnswered is how many bytes we read from a server in one delivery. Two greetings, a chain of certificates and an answer
	// to each of a hundred recipients need a tenth of it.
	mostAnswered = 128 << 10
	// mostQuoted is how many bytes of one answer are told to people.
	mostQuoted = 200
	// mostServed is for how many messages we remember who has them already.
	mostServed = 64
	// farewell is how long a server has for its answer to QUIT.
	farewell = time.Second
)

// email is the channel that sends mail. It has a connection only while it delivers.
type email struct {
	server smtpServer
	from   *mail.Address
	to     []*mail.Address
	now    func() time.Time

	// served is who has a message already of which others were put off: a next try asks only for these. What is forgotten is
	// delivered twice, with the same Message-ID.
	served map[string][]string

	roots    *x509.CertPool      // who may sign the server's certificate; nil: whom the machine trusts
	loopback func(net.Addr) bool // whether what is sent there stays on this machine
}

// NewEmail is a channel that sends mail over e's server. now is the time that a mail says it was sent at.
func NewEmail(e spec.Email, now func() time.Time) (news.Channel, error) {
	server, err := parseSMTPURL(e.SMTP.Reveal())
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	if server.helo == "" {
		// A server may turn away who greets it with what is no name.
		if server.helo, err = os.Hostname(); err != nil || !namesHost(server.helo) {
			server.helo = "localhost"
		}
	}
	from, err := mail.ParseAddress(e.From)
	if err != nil {
		return nil, fmt.Errorf("from: %q is no mail address", e.From)
	}
	channel := &email{server: server, from: from, now: now, served: map[string][]string{}, loopback: staysHere}
	for _, to := range e.To {
		address, err := mail.ParseAddress(to)
		if err != nil {
			return nil, fmt.Errorf("to: %q is no mail address", to)
		}
		channel.to = append(channel.to, address)
	}
	if len(channel.to) == 0 {
		return nil, errors.New("to: nobody gets the mail")
	}
	return channel, nil
}

// CheckSMTPURL tells what is wrong with the URL of a mail server. The error repeats nothing of it: wherever something is amiss, it
// may be the password that stands there.
func CheckSMTPURL(url string) error {
	_, err := parseSMTPURL(url)
	return err
}

// Send delivers one message to all recipients. An address that the server refuses for good does not keep the others from their
// mail: the answer names it. One that it puts off is worth another try, which the others are then left out of.
func (e *email) Send(ctx context.Context, m news.Message) (answer string, err error) {
	letter, err := e.letter(m)
	if err != nil {
		return "", news.Refusal{Err: fmt.Errorf("compose: %w", err)}
	}
	talk := &smtpTalk{email: e, letter: letter, served: e.served[m.ID]}
	defer talk.close()
	for _, step := range smtpSteps {
		if err := step.do(talk, ctx); err != nil {
			return "", e.server.explain(ctx, step, talk.cause(err))
		}
	}
	if len(talk.putOff) > 0 {
		e.remember(m.ID, talk.served)
		return "", fmt.Errorf("%s: put off for %s", e.server.address(), talk.putOff)
	}
	delete(e.served, m.ID)
	return talk.summary(), nil
}

func (e *email) remember(id string, served []string) {
	if len(e.served) >= mostServed {
		clear(e.served)
	}
	if len(served) > 0 {
		e.served[id] = served
	}
}

func staysHere(remote net.Addr) bool {
	tcp, ok := remote.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
