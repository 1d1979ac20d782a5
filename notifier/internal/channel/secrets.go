package channel

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// leastSecret is from how many characters on a text is one: less would hide every second word.
const leastSecret = 4

// secrets are texts that nobody may read in an error or an answer, whoever wrote it.
type secrets struct {
	pattern *regexp.Regexp // nil for none
}

func newSecrets(texts []string) secrets {
	var all []string
	add := func(text string) {
		if utf8.RuneCountInString(text) >= leastSecret {
			all = append(all, regexp.QuoteMeta(strings.ToValidUTF8(text, "\uFFFD")))
		}
	}
	for _, text := range texts {
		add(text)
		add(url.QueryEscape(text))
		add(url.PathEscape(text))
		if quoted := strconv.Quote(text); len(quoted) != len(text)+2 {
			add(quoted[1 : len(quoted)-1])
		}
	}
	if len(all) == 0 {
		return secrets{}
	}
	// The longest come first: where one secret holds another nothing of it is left over.
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	// Whatever case: some services write theirs in another.
	return secrets{regexp.MustCompile("(?i)" + strings.Join(slices.Compact(all), "|"))}
}

// hide is a text without the secrets.
func (s secrets) hide(text string) string {
	if s.pattern == nil {
		return text
	}
	return s.pattern.ReplaceAllLiteralString(strings.ToValidUTF8(text, "\uFFFD"), "(secret)")
}

// secretsOf are the parts of an address that may be ones: all but its scheme and its host.
func secretsOf(address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		_, rest, _ := strings.Cut(address, "://")
		return append(words(rest), address) // an error may quote any part of it
	}
	found := []string{u.Opaque, u.Fragment, u.RawQuery, u.RequestURI(), u.EscapedPath(), u.Path}
	if strings.TrimSuffix(address, "/") != u.Scheme+"://"+u.Host {
		found = append(found, address, u.String())
	}
	if u.User != nil {
		name := u.User.Username()
		password, _ := u.User.Password()
		found = append(found, u.User.String(), name, password, base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
	}
	for _, path := range []string{u.Path, u.EscapedPath(), u.Opaque} {
		found = append(found, strings.Split(path, "/")...)
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if value == "" {
			value = key // "?T0K3N"
		}
		found = append(found, value)
		if plain, err := url.QueryUnescape(value); err == nil {
			found = append(found, plain)
		}
	}
	return found
}

// words are the letters and digits between all else.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return r < utf8.RuneSelf && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}
