package spec_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// TestSyntaxErrorsSayWhereAndWhatToDo covers what people get wrong in a file of JSON.
func TestSyntaxErrorsSayWhereAndWhatToDo(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"empty", " \n", "1:1: the file is empty (`phorever init` writes a first configuration)"},
		{"missing comma", "{\n  \"tick\": 2\n  \"env\": {}\n}", `3:3: a comma or "}" was expected here (is a comma missing after the value before it?)`},
		{"missing comma in a list", `{"include": ["a" "b"]}`, `1:18: a comma or "]" was expected here (is a comma missing after the value before it?)`},
		{"two commas", `{"tick": 2,, "env": {}}`, `1:12: a value was expected here (is there a comma too many?)`},
		{"missing colon", `{"tick" 2}`, `1:9: a colon was expected here (write "key": value)`},
		{"bare key", `{tick: 2}`, `1:2: tick is not a value (a text stands in double quotes: "tick")`},
		{"number as key", `{1: 2}`, `1:2: a key was expected here (keys stand in double quotes: "name": …)`},
		{"single quotes", `{"timezone": 'UTC'}`, `1:14: a text stands in double quotes (write "…" instead)`},
		{"typographic quotes", `{"timezone": “UTC”}`, `1:14: a typographic quotation mark (write the straight one: ")`},
		{"bare word", `{"timezone": UTC}`, `1:14: UTC is not a value (a text stands in double quotes: "UTC")`},
		{"True", `{"env": True}`, `1:9: True is not a value (true, false and null are written in lower case)`},
		{"octal number", `{"umask": 022}`, `1:11: 022 is not a number of JSON (put it in quotes: "022")`},
		{"duration without quotes", `{"sample_every": 10s}`, `1:18: 10s is not a number of JSON (put it in quotes: "10s")`},
		{"unclosed text", "{\"timezone\": \"UTC,\n\"tick\": 2}", `1:14: a text is not closed on its line (a closing " is missing; a line break inside a text is written \n)`},
		{"unclosed text at the end", `{"timezone": "UTC}`, `1:14: a text is not closed (a closing " is missing)`},
		{"backslash", `{"pidfile": "C:\x"}`, `1:13: a text with an escape that JSON does not know (a backslash is written \\; known are \" \\ \/ \b \f \n \r \t \u0041)`},
		{"unclosed object", "{\n \"processes\": [\n  {\"name\": \"a\"\n", `3:15: the file ends too early (the '{' of line 3, column 3 is not closed)`},
		{"unclosed list", "{\n \"processes\": [", `2:16: the file ends too early (the '[' of line 2, column 15 is not closed)`},
		{"unclosed comment", "{ /* comment", `1:3: a comment is not closed (end it with */)`},
		{"hash comment", "{\n# comment\n}", `2:1: # does not begin a comment (write // or /* … */)`},
		{"bracket too many", `{"tick": 2}}`, `1:12: the configuration has ended before this (is there a closing bracket too many?)`},
		{"wrong bracket", `{"include": ["a"}`, `1:17: a comma or "]" was expected here (is a comma missing after the value before it?)`},
		{"missing value", `{"tick": }`, `1:10: a value was expected here (or a bracket of the other kind was opened)`},
		{"not UTF-8", "{\"timezone\": \"Z\xfcrich\"}", `1:16: not UTF-8 (byte 0xfc) (save the file as UTF-8)`},
		{"UTF-16", "\xff\xfe{\x00}\x00", `1:1: written in UTF-16 (save it as UTF-8)`},
		{"columns are characters", `{"env": {"A": "äöü"}, "tick" 2}`, `1:30: a colon was expected here (write "key": value)`},
		{"a byte order mark does not count", "\xef\xbb\xbf{\"tick\" 2}", `1:9: a colon was expected here (write "key": value)`},
		{"nesting", strings.Repeat("[", 100_000), `1:65: nested deeper than 64 levels ()`},
		{"a list", "[]", `1:1: must be an object (got a list) (a configuration begins with { and ends with })`},
		{"null", "null", `1:1: must be an object (got null) (a configuration begins with { and ends with })`},
	} {
		t.Run(test.name, func(t *testing.T) {
			config, problems := spec.Parse("phorever.json", []byte(test.text), spec.LoadOptions{})
			if config != nil || len(problems) != 1 {
				t.Fatalf("want one error, got %v", problems)
			}
			p := problems[0]
			if got := fmt.Sprintf("%d:%d: %s (%s)", p.Line, p.Column, p.Message, p.Hint); got != test.want {
				t.Errorf("\nwant %s\ngot  %s", test.want, got)
			}
		})
	}
}

func TestWhatJSONWithCommentsAllows(t *testing.T) {
	for name, text := range map[string]string{
		"comments":              "// a\n{ /* b */ \"tick\": /* c */ 2, // d\n}",
		"a comment at the end":  `{"tick": 2} // end`,
		"trailing commas":       `{"include": ["a",], "tick": 2,}`,
		"a byte order mark":     "\xef\xbb\xbf{}",
		"Windows line ends":     "{\r\n\"tick\": 2\r\n}\r\n",
		"an escaped key":        `{"\u0074ick": 2}`,
		"brackets in a comment": "{ // [[[ {{{ \"\n}",
		"brackets in a text":    `{"timezone": "UTC", "env": {"A": "[[[\"{{{"}}`,
	} {
		if config, problems := spec.Parse("phorever.json", []byte(text), spec.LoadOptions{}); config == nil {
			t.Errorf("%s: %s", name, problems)
		}
	}
}

func TestPrintStopsAtTwenty(t *testing.T) {
	var text strings.Builder
	for i := range 30 {
		fmt.Fprintf(&text, "\"unknown%d\": 1,\n", i)
	}
	_, problems := spec.Parse("phorever.json", []byte("{"+text.String()+"}"), spec.LoadOptions{})
	if len(problems) != 30 {
		t.Fatalf("want 30 problems, got %d", len(problems))
	}
	printed := problems.String()
	if got := strings.Count(printed, "unknown key"); got != 20 {
		t.Errorf("want 20 printed, got %d", got)
	}
	if !strings.HasSuffix(printed, "… and 10 problems more\n") {
		t.Errorf("the rest is not counted:\n%s", printed)
	}
}

func TestPrintIsSafeForTheTerminal(t *testing.T) {
	text := "{\"\\u001b[31mred\": 1, \"long\": \"" + strings.Repeat("x", 500) + "\", \"\x7f\": 1}"
	_, problems := spec.Parse("phorever.json", []byte(text), spec.LoadOptions{})
	for line := range strings.Lines(problems.String()) {
		if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x1b\x7f\n") || len([]rune(line)) > 200 {
			t.Errorf("unsafe or long line: %q", line)
		}
	}
}

// TestHostileFilesAreRefusedQuickly: the size of a file bounds the work, whatever is in it.
func TestHostileFilesAreRefusedQuickly(t *testing.T) {
	var unknown strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&unknown, `"k%d":1,`, i)
	}
	long := strings.Repeat("x", 1<<20)
	for name, text := range map[string]string{
		"one line, every key wrong": "{" + unknown.String() + "}",
		"below a long key":          `{"` + long + `": {` + unknown.String() + "}, \"env\": {\"" + long + "\": {" + unknown.String() + "}}}",
		"a long value":              `{"timezone": "` + long + `"}`,
		"repeated keys":             "{" + strings.Repeat(`"a":1,`, 10_000) + "}",
		"empty processes":           `{"processes": [` + strings.Repeat("{},", 5_000) + "]}",
		"too large":                 strings.Repeat(" ", 9<<20),
	} {
		start := time.Now()
		config, problems := spec.Parse("phorever.json", []byte(text), spec.LoadOptions{})
		if config != nil {
			t.Errorf("%s: accepted", name)
		}
		if printed := problems.String(); len(printed) > 1<<16 {
			t.Errorf("%s: %d bytes printed", name, len(printed))
		}
		if took := time.Since(start); took > 20*time.Second { // a second at most, but for machines that are busy
			t.Errorf("%s: took %s", name, took)
		}
	}
}
