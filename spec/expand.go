package spec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Expansion is what %…% stands for in the texts of one clone.
type Expansion struct {
	Name  string // %name%, the machine name
	Clone int    // %clone%
	Role  string // %role%
	Env   func(name string) (value string, ok bool)
}

// Expand replaces %name%, %clone%, %role% and %env.X% in a text. A variable that is not set is an error that names it.
// Values are inserted as they are and not looked at again. Anything else with a % stays as it is, `date +%Y-%m-%d` and
// "100%" included; %% is nothing special either, except that %%name%% writes a literal %name%.
func (e Expansion) Expand(text string) (string, error) {
	if !strings.Contains(text, "%") {
		return text, nil
	}
	return replaceReferences(text, references(text), func(r reference) (string, error) { return e.value(r, text) })
}

func (e Expansion) value(r reference, text string) (string, error) {
	switch {
	case r.escaped:
		return text[r.start+1 : r.end-1], nil
	case r.word == "name":
		return e.Name, nil
	case r.word == "clone":
		return strconv.Itoa(e.Clone), nil
	case r.word == "role":
		return e.Role, nil
	case r.variable == "":
		return text[r.start:r.end], nil
	}
	if e.Env != nil {
		if value, ok := e.Env(r.variable); ok {
			return value, nil
		}
	}
	return "", fmt.Errorf("%s: the environment has no variable %s", text[r.start:r.end], r.variable)
}

// expandable are the words between percent signs.
var expandable = []string{"name", "clone", "role", "env"}

// CheckExpansion tells a %word% that means nothing, which is a typing error: Expand would leave it alone.
func CheckExpansion(text string) error {
	if !strings.Contains(text, "%") {
		return nil
	}
	for _, r := range references(text) {
		written := text[r.start:r.end]
		switch {
		case r.escaped || r.known():
		case r.word == "env":
			return errors.New("%env% names no variable: write %env.NAME%")
		case strings.EqualFold(r.word, "env") && strings.Contains(written, "."):
			_, name, _ := strings.Cut(written, ".")
			return fmt.Errorf("unknown %s; did you mean %%env.%s?", written, name)
		case len(Nearest(r.word, expandable)) > 0:
			near := Nearest(r.word, expandable)[0]
			if near == "env" {
				near = "env.NAME"
			}
			return fmt.Errorf("unknown %s; did you mean %%%s%%?", written, near)
		default:
			return fmt.Errorf("unknown %s; there are %%name%%, %%clone%%, %%role%% and %%env.NAME%%, and %%%s%% writes a literal %s", written, written, written)
		}
	}
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "%env.")
		if !found {
			return nil
		}
		if name, ended := leading(after, isIdentifier); name == "" || !strings.HasPrefix(ended, "%") || name[0] <= '9' {
			end := min(len(name)+1, len(after))
			return fmt.Errorf("%%env.%s is not finished: write %%env.NAME%%, the name of letters, digits and _", strings.ToValidUTF8(after[:end], "…"))
		}
		rest = after
	}
}

// reference is one %word%, %env.X% or %%word%% of a text.
type reference struct {
	start, end     int
	word, variable string
	escaped        bool
}

func (r reference) known() bool {
	switch r.word {
	case "name", "clone", "role":
		return r.variable == ""
	}
	return r.word == "env" && r.variable != ""
}

// references are what a text refers to, in order. A word has three letters or more: shorter ones are the conversions of
// date and printf, as in `date +%y%m%d`. Words with capitals count only where they are ours in another case.
func references(text string) []reference { return scanReferences(text, true) }

func scanReferences(text string, escapes bool) []reference {
	var found []reference
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			continue
		}
		rest := text[i+1:]
		r := reference{start: i}
		if after, doubled := strings.CutPrefix(rest, "%"); doubled && escapes {
			rest, r.escaped, r.end = after, true, 1
		}
		r.word, rest = leading(rest, isLetter)
		r.end += i + 1 + len(r.word)
		if after, dotted := strings.CutPrefix(rest, "."); dotted {
			r.variable, rest = leading(after, isIdentifier)
			r.end += 1 + len(r.variable)
			if r.variable == "" || r.variable[0] <= '9' {
				continue
			}
		}
		end := "%"
		if r.escaped {
			end = "%%"
		}
		if len(r.word) < 3 || !strings.HasPrefix(rest, end) || !isOurs(r.word) {
			continue
		}
		r.end += len(end)
		found = append(found, r)
		i = r.end - 1
	}
	return found
}

func isOurs(word string) bool {
	return word == strings.ToLower(word) || slices.Contains(expandable, strings.ToLower(word))
}

func isIdentifier(c byte) bool { return isLetter(c) || c >= '0' && c <= '9' || c == '_' }

func replaceReferences(text string, found []reference, by func(reference) (string, error)) (string, error) {
	var b strings.Builder
	done := 0
	for _, r := range found {
		value, err := by(r)
		if err != nil {
			return "", err
		}
		b.WriteString(text[done:r.start])
		b.WriteString(value)
		done = r.end
	}
	b.WriteString(text[done:])
	return b.String(), nil
}

// escapeExpansion is a text that Expand turns into this one. It escapes what would be a reference where there is no
// escaping: a percent sign more before it is then only a percent sign more.
func escapeExpansion(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	escaped, _ := replaceReferences(text, scanReferences(text, false), func(r reference) (string, error) {
		return "%" + text[r.start:r.end] + "%", nil
	})
	return escaped
}
