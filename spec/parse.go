package spec

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tailscale/hujson"
)

const (
	maxFileSize = 8 << 20
	maxNesting  = 64 // the deepest key of the reference lies at 6; hujson recurses, so the depth must be bounded
)

// parseSource reads JSON with comments and trailing commas. It returns nil when the text has no tree.
func parseSource(r *report, src *source) *node {
	if len(src.data) > maxFileSize {
		r.error(place{src, 0, 0}, "", fmt.Sprintf("larger than %d MiB", maxFileSize>>20), "is this the right file?")
		return nil
	}
	if bytes.HasPrefix(src.data, []byte("\xff\xfe")) || bytes.HasPrefix(src.data, []byte("\xfe\xff")) {
		r.error(place{src, 0, 0}, "", "written in UTF-16", "save it as UTF-8")
		return nil
	}
	if at := invalidUTF8(src.data); at >= 0 {
		r.error(place{src, at, at + 1}, "", fmt.Sprintf("not UTF-8 (byte 0x%02x)", src.data[at]), "save the file as UTF-8")
		return nil
	}
	if nested := scanNesting(src.data); nested.deepest > maxNesting {
		r.error(place{src, nested.tooDeep, nested.tooDeep + 1}, "", fmt.Sprintf("nested deeper than %d levels", maxNesting), "")
		return nil
	}
	// The final newline ends a comment on the last line, which hujson wants ended.
	value, err := hujson.Parse(append(bytes.Clone(src.data), '\n'))
	if err != nil {
		src.broken = true
		r.syntax(src, err)
		return nil
	}
	return newNode(r, src, value, nil, "")
}

// withoutMark drops a UTF-8 byte order mark, which some editors write and JSON does not allow.
func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) }

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// nesting is what the brackets of a text say without parsing it.
type nesting struct {
	open    []int // the offsets of brackets that are never closed
	deepest int
	tooDeep int // the offset of the first bracket beyond maxNesting
	ragged  int // the offset of a text or comment that is never closed, -1 where there is none
}

func scanNesting(data []byte) nesting {
	found := nesting{ragged: -1}
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			start := i
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			if i >= len(data) {
				found.ragged = start
			}
		case c == '/' && i+1 < len(data) && (data[i+1] == '/' || data[i+1] == '*'):
			end := "\n"
			if data[i+1] == '*' {
				end = "*/"
			}
			length := bytes.Index(data[i+2:], []byte(end))
			if length < 0 {
				if end == "*/" {
					found.ragged = i
				}
				return found
			}
			i += 1 + length + len(end)
		case c == '{' || c == '[':
			found.open = append(found.open, i)
			if found.deepest = max(found.deepest, len(found.open)); found.deepest == maxNesting+1 && found.tooDeep == 0 {
				found.tooDeep = i
			}
		case (c == '}' || c == ']') && len(found.open) > 0:
			found.open = found.open[:len(found.open)-1]
		}
	}
	return found
}

// syntax reports where reading stopped, in words that say what to do about it.
func (r *report) syntax(src *source, err error) {
	var line, column int
	text := err.Error()
	if _, scan := fmt.Sscanf(text, "hujson: line %d, column %d:", &line, &column); scan == nil {
		_, text, _ = strings.Cut(text, ": ")
		_, text, _ = strings.Cut(text, ": ")
	}
	at := place{src: src}
	if line >= 1 && line <= len(src.starts) {
		at.start = min(src.starts[line-1]+column-1, len(src.data))
		at.end = at.start + 1
	}
	rest := string(src.data[at.start:])
	if len(bytes.TrimSpace(src.data)) == 0 {
		r.error(place{src, 0, 0}, "", "the file is empty", "`phorever init` writes a first configuration")
		return
	}
	for _, s := range syntaxes {
		if !strings.Contains(text, s.means) || s.when != nil && !s.when(rest) {
			continue
		}
		message, hint := s.message, s.hint
		if s.ended {
			at.start = len(bytes.TrimRight(src.data, " \t\r\n"))
			// The end of the file is not where to look: what is open is.
			nesting := scanNesting(src.data)
			if nesting.ragged >= 0 {
				at.start = nesting.ragged
			} else if open := nesting.open; len(open) > 0 {
				last := open[len(open)-1]
				line, column := src.position(last)
				hint = fmt.Sprintf("the %q of line %d, column %d is not closed", src.data[last], line, column)
			}
			at.end = at.start + 1
		}
		if s.word {
			at.end = at.start + len(wordAt(rest))
			message = strings.ReplaceAll(message, "WORD", wordAt(rest))
			hint = strings.ReplaceAll(hint, "WORD", wordAt(rest))
		}
		r.error(at, "", message, hint)
		return
	}
	r.error(at, "", text, "")
}

// wordAt is the word that text begins with.
func wordAt(text string) string {
	end := strings.IndexAny(text, " \t\r\n,:]}\"'")
	if end < 0 {
		end = len(text)
	}
	if runes := []rune(text[:end]); len(runes) > 40 {
		return string(runes[:40])
	}
	return text[:end]
}

func beginsWith(chars string) func(string) bool {
	return func(rest string) bool {
		first, size := utf8.DecodeRuneInString(rest)
		return size > 0 && strings.ContainsRune(chars, first)
	}
}

// looksNumeric tells a number that JSON does not know: 022, .5, 0x1f, 10s.
func looksNumeric(rest string) bool {
	return rest != "" && strings.ContainsRune("+-.0123456789", rune(rest[0]))
}

// stray tells a closing quote that is missing: the text runs over the end of its line.
func stray(rest string) bool {
	line, _, _ := strings.Cut(rest, "\n")
	return strings.HasPrefix(rest, `"`) && !closed(line)
}

func closed(line string) bool {
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return true
		}
	}
	return false
}

func literalCase(rest string) bool {
	switch strings.ToLower(wordAt(rest)) {
	case "true", "false", "null":
		return true
	}
	return false
}

// syntaxes are hujson's complaints in the words of the user; the first that fits is told.
var syntaxes = []struct {
	means   string // part of hujson's text
	when    func(rest string) bool
	message string
	hint    string
	ended   bool // the file ended too early
	word    bool // WORD stands for the word at the place
}{
	{means: "parsing string: unexpected EOF", message: "a text is not closed", hint: `a closing " is missing`, ended: true},
	{means: "parsing comment", message: "a comment is not closed", hint: "end it with */", ended: true},
	{means: "unexpected EOF", message: "the file ends too early", ended: true},
	{means: "", when: beginsWith("#"), message: "# does not begin a comment", hint: "write // or /* … */"},
	{means: "", when: beginsWith("'`"), message: "a text stands in double quotes", hint: `write "…" instead`},
	{means: "", when: beginsWith("“”„«»"), message: "a typographic quotation mark", hint: `write the straight one: "`},
	{means: "invalid literal", when: stray, message: "a text is not closed on its line", hint: `a closing " is missing; a line break inside a text is written \n`},
	{means: "invalid literal", when: beginsWith(`"`), message: "a text with an escape that JSON does not know", hint: `a backslash is written \\; known are \" \\ \/ \b \f \n \r \t \u0041`},
	{means: "invalid literal", when: literalCase, message: "WORD is not a value", hint: "true, false and null are written in lower case", word: true},
	{means: "invalid literal", when: looksNumeric, message: "WORD is not a number of JSON", hint: `put it in quotes: "WORD"`, word: true},
	{means: "invalid literal", message: "WORD is not a value", hint: `a text stands in double quotes: "WORD"`, word: true},
	{means: "at start of object name", message: "a key was expected here", hint: `keys stand in double quotes: "name": …`},
	{means: "after object name", message: "a colon was expected here", hint: `write "key": value`},
	{means: "after object value", message: `a comma or "}" was expected here`, hint: "is a comma missing after the value before it?"},
	{means: "after array value", message: `a comma or "]" was expected here`, hint: "is a comma missing after the value before it?"},
	{means: "after top-level value", message: "the configuration has ended before this", hint: "is there a closing bracket too many?"},
	{means: "start of value", when: beginsWith("}]"), message: "a value was expected here", hint: "or a bracket of the other kind was opened"},
	{means: "start of value", when: beginsWith(",;"), message: "a value was expected here", hint: "is there a comma too many?"},
	{means: "start of value", message: "a value was expected here"},
	{means: "in line comment", message: "an invisible line separator (U+2028 or U+2029) in a comment", hint: "delete the line end and write it again"},
}
