package channel

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail/smtp"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

// mostRounds is how often we hash a password because a server asks for it: some tenths of a second, which no context interrupts.
const mostRounds = 1_000_000

var errTooManyRounds = errors.New("the server wants the password hashed more often than is sane")

// smtpLogins are the ways to log in, the best ones first: the first two do not tell the server the password.
var smtpLogins = []struct {
	name string
	with func(s smtpServer, plaintext bool) smtp.Auth
}{
	{"SCRAM-SHA-256", func(s smtpServer, _ bool) smtp.Auth {
		return boundedLogin{smtp.ScramSHA256Auth(s.user, s.password.Reveal())}
	}},
	{"CRAM-MD5", func(s smtpServer, _ bool) smtp.Auth { return smtp.CRAMMD5Auth(s.user, s.password.Reveal()) }},
	{"PLAIN", func(s smtpServer, plaintext bool) smtp.Auth {
		return smtp.PlainAuth("", s.user, s.password.Reveal(), s.host, plaintext)
	}},
	{"LOGIN", func(s smtpServer, plaintext bool) smtp.Auth {
		return smtp.LoginAuth(s.user, s.password.Reveal(), s.host, plaintext)
	}},
}

// login chooses from what a server offers. plaintext allows the password itself on a connection that is not encrypted.
func (s smtpServer) login(offered string, plaintext bool) (smtp.Auth, error) {
	names := strings.Fields(strings.ToUpper(offered))
	for _, login := range smtpLogins {
		if slices.Contains(names, login.name) {
			return login.with(s, plaintext), nil
		}
	}
	if len(names) == 0 {
		return nil, news.Refusal{Err: errors.New("the server lets nobody log in: take user and password out of the URL, or find its other port")}
	}
	return nil, news.Refusal{Err: fmt.Errorf("the server offers no way to log in that we know: %s", s.quoted(offered))}
}

// boundedLogin is SCRAM with a limit on the work that a server can ask for.
type boundedLogin struct{ smtp.Auth }

// Next answers a challenge; the one that asks for work is "r=nonce,s=salt,i=rounds".
func (l boundedLogin) Next(challenge []byte, more bool) ([]byte, error) {
	if fields := bytes.Split(challenge, []byte(",")); more && len(fields) > 2 {
		rounds, _ := bytes.CutPrefix(fields[2], []byte("i="))
		if n, err := strconv.Atoi(string(rounds)); err != nil || n > mostRounds {
			return nil, errTooManyRounds
		}
	}
	return l.Auth.Next(challenge, more)
}
