package channel

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dcousineau/phorever/notifier/internal/news"
	"github.com/dcousineau/phorever/spec"
)

// What a connection that begins as text does about encryption.
const (
	startTLSOff           = "off"
	startTLSOpportunistic = "opportunistic" // where it is offered
	startTLSRequired      = "required"
)

// The reasons name no part of the URL: a password with an unescaped character in it falls apart into a host, a port, a path, or an
// option.
var (
	errSMTPForm = errors.New("must look like smtp://user:password@host:587 or smtps://user:password@host:465; " +
		"in user and password, % @ : / ? # are written %25 %40 %3A %2F %3F %23")
	errSMTPUser     = errors.New("user and password come together: smtp://user:password@host:587")
	errSMTPControl  = errors.New("user and password must not hold control characters")
	errSMTPHost     = errors.New("host must be a name or an address, in ASCII")
	errSMTPPort     = errors.New("port must be 1 to 65535")
	errSMTPOption   = errors.New("options after ? are starttls, insecure and helo, each once")
	errSMTPStartTLS = errors.New("starttls must be off, opportunistic or required")
	errSMTPImplicit = errors.New("starttls is for smtp://: a connection to smtps:// is encrypted from its first byte")
	errSMTPInsecure = errors.New("insecure must be true or false")
	errSMTPHelo     = errors.New("helo must be a host name or an address in brackets")
)

// smtpServer is what the URL of a mail server says.
type smtpServer struct {
	host, port string
	implicit   bool // TLS from the first byte
	startTLS   string
	insecure   bool   // any certificate will do
	helo       string // what we call ourselves; "": the host name
	user       string // "": nobody logs in
	password   spec.Secret
}

func (s smtpServer) address() string { return net.JoinHostPort(s.host, s.port) }

func parseSMTPURL(text string) (smtpServer, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" || u.Path != "" && u.Path != "/" || strings.Contains(text, "#") {
		return smtpServer{}, errSMTPForm
	}
	s := smtpServer{host: u.Hostname(), port: u.Port(), implicit: u.Scheme == "smtps"}
	if u.Scheme != "smtp" && !s.implicit {
		return smtpServer{}, errSMTPForm
	}
	if address, err := netip.ParseAddr(s.host); !namesHost(s.host) && (err != nil || address.Zone() != "" && !namesHost(address.Zone())) {
		return smtpServer{}, errSMTPHost
	}
	if u.User != nil {
		password, _ := u.User.Password()
		s.user, s.password = u.User.Username(), spec.Secret(password)
		if s.user == "" || password == "" {
			return smtpServer{}, errSMTPUser
		}
		if strings.ContainsFunc(s.user+password, unicode.IsControl) {
			return smtpServer{}, errSMTPControl
		}
	}
	if s.port == "" {
		s.port = s.usualPort()
	}
	if n, err := strconv.Atoi(s.port); err != nil || n < 1 || n > 65535 {
		return smtpServer{}, errSMTPPort
	}
	return s.withOptions(u.RawQuery)
}

func (s smtpServer) usualPort() string {
	switch {
	case s.implicit:
		return "465"
	case s.user != "":
		return "587"
	}
	return "25"
}

func (s smtpServer) withOptions(query string) (smtpServer, error) {
	s.startTLS = startTLSOpportunistic
	if s.user != "" {
		s.startTLS = startTLSRequired
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return smtpServer{}, errSMTPOption
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		value := options[name][0]
		switch {
		case len(options[name]) > 1:
			return smtpServer{}, errSMTPOption
		case name == "starttls" && s.implicit:
			return smtpServer{}, errSMTPImplicit
		case name == "starttls":
			if !slices.Contains([]string{startTLSOff, startTLSOpportunistic, startTLSRequired}, value) {
				return smtpServer{}, errSMTPStartTLS
			}
			s.startTLS = value
		case name == "insecure":
			if value != "true" && value != "false" {
				return smtpServer{}, errSMTPInsecure
			}
			s.insecure = value == "true"
		case name == "helo":
			if !namesHost(value) && !isAddressLiteral(value) {
				return smtpServer{}, errSMTPHelo
			}
			s.helo = value
		default:
			return smtpServer{}, errSMTPOption
		}
	}
	return s, nil
}

// namesHost tells whether a text can be the name of a host. "_" is in none, by the book; in container networks it is.
func namesHost(name string) bool {
	return name != "" && len(name) <= 253 && !strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._", r)
	})
}

// isAddressLiteral tells "[192.0.2.1]" and "[IPv6:2001:db8::1]" (RFC 5321, 4.1.3).
func isAddressLiteral(text string) bool {
	inner, opened := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	address, err := netip.ParseAddr(strings.TrimPrefix(inner, "IPv6:"))
	return opened && closed && err == nil && address.Zone() == ""
}

// quoted is what a server said, so that it harms nobody who reads it. A server may repeat what it was given: of an answer in which
// the password can be found nothing is told.
func (s smtpServer) quoted(answer string) string {
	if s.betrayed(answer) {
		return "(an answer that holds the password)"
	}
	text := strings.Join(strings.Fields(news.Printable(answer)), " ")
	if len(text) <= mostQuoted {
		return text
	}
	end := mostQuoted
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// betrayed finds the password in a text: as it is, as it stands in the URL, and in the middle of base64 or hexadecimal digits.
func (s smtpServer) betrayed(text string) bool {
	password := s.password.Reveal()
	if password == "" {
		return false
	}
	forms := []string{password, url.QueryEscape(password), url.PathEscape(password), hex.EncodeToString([]byte(password))}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		// What stands before the password decides where in a group of three bytes it begins. The digits on its edges hold bits
		// of its neighbours too.
		for before, edge := range []int{0, 2, 3} {
			bytes := append(make([]byte, before), password...)
			if whole := len(bytes) * 8 / 6; whole > edge {
				forms = append(forms, encoding.EncodeToString(bytes)[edge:whole])
			}
		}
	}
	text = strings.ToLower(text)
	joined := strings.Join(strings.Fields(text), "") // base64 may be broken into lines
	return slices.ContainsFunc(forms, func(form string) bool {
		form = strings.ToLower(form)
		return strings.Contains(text, form) || strings.Contains(joined, form)
	})
}
