package spec

import (
	"bytes"
	"regexp"
	"sync"
	"unicode/utf8"
)

// Source lines are shown beside problems, and a line may hold a secret. What the table calls secret is hidden by its place; what a
// mistake has moved elsewhere, by how it looks; and of a file that is no JSON, every value.
var (
	secretByName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)"[^"]*(?:secret|passw|token|api_?key|authorization|credential|slack|smtp)[^"]*"\s*:\s*"((?:[^"\\]|\\.)*)"?`)
	})
	secretByPlace = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`:\s*"((?:[^"\\]|\\.)*)"?`) }) // where it is not known which key is whose
	secretByForm  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([^"\s]*)`) })
)

// masked is the text of a line without its secrets, each character of which is a dot.
func (r *report) masked(src *source, number int) string {
	text := src.excerpt(number)
	if text == "" {
		return ""
	}
	from := src.starts[number-1]
	line := []byte(text)
	hide := make([]bool, len(line))
	cover := func(start, end int) {
		for i := max(start, 0); i < min(end, len(line)); i++ {
			hide[i] = true
		}
	}
	for _, at := range r.secrets {
		if at.src == src {
			cover(at.start+1-from, at.end-1-from)
		}
	}
	forms := []*regexp.Regexp{secretByName(), secretByForm()}
	if begin := bytes.Index(src.data, []byte(`"notify"`)); src.broken && begin >= 0 && begin < from+len(line) {
		forms = append(forms, secretByPlace())
	}
	for _, form := range forms {
		for _, found := range form.FindAllSubmatchIndex(line, -1) {
			if value := line[found[2]:found[3]]; !bytes.HasPrefix(value, []byte(secretFile)) {
				cover(found[2], found[3])
			}
		}
	}
	var shown bytes.Buffer
	for i := 0; i < len(line); {
		_, size := utf8.DecodeRune(line[i:])
		if hide[i] {
			shown.WriteRune('•')
		} else {
			shown.Write(line[i : i+size])
		}
		i += size
	}
	return shown.String()
}

// hide notes that a value, or each member of an object, is secret.
func (r *report) hide(n *node) {
	if n.is(kindString) {
		r.secrets = append(r.secrets, n.place)
	}
	for _, m := range n.members {
		r.hide(m.value)
	}
}
