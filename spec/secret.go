package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"syscall"
)

// Secret is a text that is never printed: it shows as "(secret)", also in JSON. As it stands in a configuration it may hold
// %env.X%, or be "file:" and a path; Resolve makes the text of that.
type Secret string

const hidden = "(secret)"

// String hides the text.
func (Secret) String() string { return hidden }

// GoString hides the text.
func (Secret) GoString() string { return hidden }

// MarshalJSON hides the text.
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }

// Reveal is the text.
func (s Secret) Reveal() string { return string(s) }

// fixed tells whether the text is what it stands for.
func (s Secret) fixed() bool {
	return !strings.HasPrefix(string(s), secretFile) && !strings.Contains(string(s), "%env.")
}

const (
	secretFile = "file:"
	// longestSecret bounds what is read of a file, in bytes.
	longestSecret = 64 << 10
)

// Resolve is the text that is meant: variables are put in, a file is read without the end of its last line. A relative path
// is one from the directory. The error names the variable or the file, and no text of either.
func (s Secret) Resolve(directory string, env func(name string) (value string, ok bool)) (Secret, error) {
	text := string(s)
	if path, is := strings.CutPrefix(text, secretFile); is {
		return secretIn(absolute(directory, path))
	}
	scheme, at := strings.Index(text, "://"), strings.LastIndexByte(text, '@')
	expanded, err := replaceReferences(text, references(text), func(r reference) (string, error) {
		if r.word != "env" || r.variable == "" {
			return text[r.start:r.end], nil
		}
		if value, ok := env(r.variable); ok {
			if scheme >= 0 && scheme < r.start && r.start < at { // a user or a password, which is not written as an address wants it
				value = escapeUser(value)
			}
			return value, nil
		}
		return "", fmt.Errorf("the environment has no variable %s", r.variable)
	})
	return Secret(expanded), err
}

// escapeUser writes a text as the user or the password of an address.
func escapeUser(text string) string {
	return strings.NewReplacer("+", "%20").Replace(url.QueryEscape(text))
}

func secretIn(path string) (Secret, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", fmt.Errorf("%s: %s", path, reason(err))
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s: is not a file", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, longestSecret+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %s", path, reason(err))
	case len(text) > longestSecret:
		return "", fmt.Errorf("%s: is larger than 64 KiB", path)
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", fmt.Errorf("%s: is empty", path)
	}
	return Secret(value), nil
}

// secretKind is a text that problems do not quote. look says what is wrong with one that can be looked at already.
func secretKind(name, wants string, look func(text string) error) *kind {
	return &kind{name: name, wants: wants, secret: true, schema: `{"type":"string","minLength":1}`, check: func(k *kind, r *report, n *node) {
		switch {
		case !n.is(kindString):
			r.errorAt(n, fmt.Sprintf("must be %s", k.wants), "")
		case n.text == "":
			r.errorAt(n, "must not be empty", "leave it out instead")
		case n.text == secretFile:
			r.errorAt(n, "names no file", `write "file:" and its path`)
		case strings.HasPrefix(n.text, secretFile):
		case checkSecretExpansion(n.text) != nil:
			r.errorAt(n, checkSecretExpansion(n.text).Error(), "")
		case Secret(n.text).fixed() && look != nil:
			if err := look(n.text); err != nil {
				r.errorAt(n, err.Error(), "")
			}
		}
	}}
}

// checkSecretExpansion tells a %env.… that is not finished. Any other % belongs to the secret.
func checkSecretExpansion(text string) error {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "%env.")
		if !found {
			return nil
		}
		if name, ended := leading(after, isIdentifier); name == "" || !strings.HasPrefix(ended, "%") || name[0] <= '9' {
			return errors.New("%env. is not finished: write %env.NAME%, the name of letters, digits and _")
		}
		rest = after
	}
}
