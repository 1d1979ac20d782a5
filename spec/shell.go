package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// shellLine is a parsed shell command, and the references in it whose values need quoting.
type shellLine struct {
	text       string
	file       *syntax.File
	references []reference
	leaves     []leaf
}

// leaf is a stretch of the text in which a value can be quoted, and how.
type leaf struct {
	start, end int
	quote      func(string) string
	escapes    bool // a backslash before the place would escape our quote
}

// foreign tells a reference whose value may hold any character.
func (r reference) foreign() bool {
	return !r.escaped && (r.word == "role" || r.word == "env") && r.known()
}

// parseShell parses a command before its references are replaced. They are parsed as words and numbers of the same
// length, so that $((8000 + %clone%)) is a sum, and every place in the result is a place in the text.
func parseShell(text string) (*shellLine, error) {
	line := &shellLine{text: text}
	standIn := []byte(text)
	for _, r := range references(text) {
		if r.escaped || !r.known() {
			continue
		}
		fill := byte('x')
		if r.word == "clone" {
			fill = '1'
		}
		for i := r.start; i < r.end; i++ {
			standIn[i] = fill
		}
		if r.foreign() {
			line.references = append(line.references, r)
		}
	}
	file, err := parsePOSIX(string(standIn))
	if err != nil {
		return nil, shellProblem(text, err)
	}
	line.file = file
	if len(line.references) > 0 {
		line.findLeaves()
	}
	return line, nil
}

// parsers are used again, because a thousand processes may start at once and a parser is 5 KB.
var parsers = sync.Pool{New: func() any { return syntax.NewParser(syntax.Variant(syntax.LangPOSIX)) }}

func parsePOSIX(text string) (*syntax.File, error) {
	parser := parsers.Get().(*syntax.Parser)
	defer parsers.Put(parser)
	return parser.Parse(strings.NewReader(text), "")
}

// parserWords are the parser's words in ours.
var parserWords = strings.NewReplacer(
	"reached EOF without closing", "the command ends without the closing",
	"reached EOF without matching", "the command ends without the other half of",
	"reached `", "there is a `",
	"can only immediately follow a statement", "can only stand after a command",
	"must be followed by a statement list", "must be followed by a command",
	"must be followed by a statement", "must be followed by a command",
	"statement", "command",
)

// shellProblem says what a shell would stumble over, and where in the text.
func shellProblem(text string, err error) error {
	var known syntax.ParseError
	var foreign syntax.LangError
	switch {
	case errors.As(err, &foreign):
		return fmt.Errorf("not a command of %s: %s need another shell, %s; a list such as [\"bash\", \"-c\", \"…\"] chooses one",
			shell, foreign.Feature, position(text, foreign.Pos))
	case errors.As(err, &known):
		return fmt.Errorf("not a shell command: %s, %s", parserWords.Replace(known.Text), position(text, known.Pos))
	}
	return errors.New("not a shell command")
}

// position is a place within the text; the parser counts bytes, people count characters.
func position(text string, pos syntax.Pos) string {
	offset := min(int(pos.Offset()), len(text))
	begin := strings.LastIndex(text[:offset], "\n") + 1
	column := utf8.RuneCountInString(text[begin:offset]) + 1
	if !strings.Contains(text, "\n") {
		return fmt.Sprintf("at character %d", column)
	}
	return fmt.Sprintf("at line %d, character %d", strings.Count(text[:offset], "\n")+1, column)
}

// simpleCommand is the one simple command that a whole text consists of; nil when there is more to it, or less.
func simpleCommand(file *syntax.File) *syntax.CallExpr {
	if len(file.Stmts) != 1 {
		return nil
	}
	statement := file.Stmts[0]
	if statement.Negated || statement.Background || statement.Coprocess || statement.Disown {
		return nil
	}
	call, _ := statement.Cmd.(*syntax.CallExpr)
	if call == nil || len(call.Args) == 0 {
		return nil
	}
	return call
}

// sameInEveryShell is false for texts that the parser and the shells read differently.
func sameInEveryShell(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsAny(text, "\r\v\f\x00")
}

func literalWords(words []*syntax.Word) ([]string, bool) {
	literals := make([]string, len(words))
	for i, word := range words {
		literal, ok := literalWord(word)
		if !ok {
			return nil, false
		}
		literals[i] = literal
	}
	return literals, true
}

// literalWord is what a word stands for when nothing in it is expanded, in any shell that may be /bin/sh.
func literalWord(word *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.SglQuoted:
			if part.Dollar {
				return "", false
			}
			b.WriteString(part.Value)
		case *syntax.Lit:
			// bash expands braces and ANSI quotes also when it is called sh.
			if !unescape(&b, part.Value, "", "*?[]{}~$`") {
				return "", false
			}
		case *syntax.DblQuoted:
			for _, inner := range part.Parts {
				lit, ok := inner.(*syntax.Lit)
				if !ok || part.Dollar || !unescape(&b, lit.Value, "$`\"\\\n", "$`") {
					return "", false
				}
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

// unescape writes the text without its backslashes; where escapable is given, a backslash before anything else stands
// for itself. It fails at an unescaped character that is active.
func unescape(b *strings.Builder, text, escapable, active string) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if strings.IndexByte(active, c) >= 0 {
			return false
		}
		if c == '\\' && i+1 < len(text) && (escapable == "" || strings.IndexByte(escapable, text[i+1]) >= 0) {
			i++
			if c = text[i]; c == '\n' { // the line goes on
				continue
			}
		}
		b.WriteByte(c)
	}
	return true
}

// findLeaves collects where values can be quoted.
func (l *shellLine) findLeaves() {
	var above []syntax.Node
	syntax.Walk(l.file, func(node syntax.Node) bool {
		if node == nil {
			above = above[:len(above)-1]
			return true
		}
		if quote := quotingAt(node, above, l.text); quote != nil {
			_, single := node.(*syntax.SglQuoted)
			l.leaves = append(l.leaves, leaf{int(node.Pos().Offset()), int(node.End().Offset()), quote, !single})
		}
		above = append(above, node)
		return true
	})
}

// quotingAt is how a value is quoted inside a node; nil where it cannot be.
func quotingAt(node syntax.Node, above []syntax.Node, text string) func(string) string {
	start := int(node.Pos().Offset())
	afterDollar := start > 0 && start <= len(text) && text[start-1] == '$' // ANSI quotes in bash, which know other escapes
	if quoted, ok := node.(*syntax.SglQuoted); ok && !quoted.Dollar && !afterDollar && !slices.ContainsFunc(above, unquotable) {
		return insideSingle
	}
	if _, ok := node.(*syntax.Lit); !ok || len(above) < 2 || slices.ContainsFunc(above, unquotable) {
		return nil
	}
	switch parent := above[len(above)-1].(type) {
	case *syntax.DblQuoted:
		if !parent.Dollar {
			return insideDouble
		}
	case *syntax.Word:
		return singleQuoted
	}
	return nil
}

// unquotable tells the parts of a command in which quotes do not mean what they mean elsewhere.
func unquotable(node syntax.Node) bool {
	switch node := node.(type) {
	case *syntax.ParamExp, *syntax.ArithmExp:
		return true
	case *syntax.Redirect:
		return node.Hdoc != nil
	case *syntax.CmdSubst:
		return node.Backquotes
	}
	return false
}

func insideSingle(value string) string { return strings.ReplaceAll(value, "'", `'\''`) }

var doubleEscaper = strings.NewReplacer(`\`, `\\`, "`", "\\`", `"`, `\"`, "$", `\$`)

func insideDouble(value string) string { return doubleEscaper.Replace(value) }

// quoting is how the value of a reference is quoted where it stands.
func (l *shellLine) quoting(r reference) (func(string) string, error) {
	for _, leaf := range l.leaves {
		if r.start < leaf.start || r.end > leaf.end {
			continue
		}
		before := l.text[leaf.start:r.start]
		if backslashes := len(before) - len(strings.TrimRight(before, `\`)); leaf.escapes && backslashes%2 == 1 {
			break
		}
		return leaf.quote, nil
	}
	written := l.text[r.start:r.end]
	hint := "use a list of words"
	if r.variable != "" {
		hint = fmt.Sprintf(`the shell has it as "$%s"`, r.variable)
	}
	return nil, fmt.Errorf("%s cannot be quoted safely where it stands, %s: %s", written,
		position(l.text, syntax.NewPos(uint(r.start), 1, 1)), hint)
}
