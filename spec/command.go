package spec

import (
	"errors"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// shell is what runs a command line. POSIX has it everywhere, whatever the user's own shell is.
const shell = "/bin/sh"

// IsZero tells whether there is no command at all.
func (c Command) IsZero() bool { return c.Shell == "" && len(c.Argv) == 0 }

// String is the command as a person would type it.
func (c Command) String() string {
	if len(c.Argv) == 0 {
		return c.Shell
	}
	words := make([]string, len(c.Argv))
	for i, word := range c.Argv {
		words[i] = word
		if word == "" || strings.Trim(word, plainCharacters) != "" || i == 0 && strings.Contains(word, "=") {
			words[i] = singleQuoted(word)
		}
	}
	return strings.Join(words, " ")
}

// plainCharacters need no quotes in any shell; = only where it might be an assignment.
const plainCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,@+%="

func singleQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Check tells why the command could never run: it is empty, or a POSIX shell cannot parse it. Whether its program
// exists is known only when it starts.
func (c Command) Check() error {
	if len(c.Argv) > 0 {
		switch {
		case c.Argv[0] == "":
			return errors.New("the first word is the program, and it is empty")
		case strings.ContainsRune(strings.Join(c.Argv, ""), 0):
			return errors.New("must not hold a NUL character")
		}
		return nil
	}
	switch {
	case strings.TrimSpace(c.Shell) == "":
		return errors.New("must not be empty")
	case strings.ContainsRune(c.Shell, 0):
		return errors.New("must not hold a NUL character")
	}
	line, err := parseShell(c.Shell)
	if err != nil {
		return err
	}
	if len(line.file.Stmts) == 0 {
		return errors.New("holds no command, only a comment")
	}
	if call := simpleCommand(line.file); call != nil {
		if program, literal := literalWord(call.Args[0]); literal && program == "" {
			return errors.New("the first word is the program, and it is empty")
		}
	}
	for _, r := range line.references {
		if _, err := line.quoting(r); err != nil {
			return err
		}
	}
	return nil
}

// Expand replaces %…% in a command. The elements of a list take values as they are. In a shell command, the machine
// name and the number are plain words, so they may stand anywhere; a role and the environment's values are quoted for
// the place where they stand, so that one value is always one word, or a part of one, whatever characters it holds.
// Where the shell has no way to quote, in comments, here-documents, backquotes, ${…} and $((…)), they are refused.
func (c Command) Expand(e Expansion) (Command, error) {
	if len(c.Argv) > 0 {
		argv := make([]string, len(c.Argv))
		for i, word := range c.Argv {
			expanded, err := e.Expand(word)
			if err != nil {
				return Command{}, err
			}
			argv[i] = expanded
		}
		return Command{Argv: argv}, nil
	}
	found := references(c.Shell)
	if len(found) == 0 {
		return c, nil
	}
	var line *shellLine
	if slices.ContainsFunc(found, reference.foreign) {
		var err error
		if line, err = parseShell(c.Shell); err != nil {
			return Command{}, err
		}
	}
	text, err := replaceReferences(c.Shell, found, func(r reference) (string, error) {
		value, err := e.value(r, c.Shell)
		if err != nil || !r.foreign() {
			return value, err
		}
		quoting, err := line.quoting(r)
		if err != nil {
			return "", err
		}
		return quoting(value), nil
	})
	if err != nil {
		return Command{}, err
	}
	return Command{Shell: text}, nil
}

// Program is what to execute. A list is run as it is, and so is a shell command that simply names a program, quotes
// included: direct is true. Any other single command is put in the shell's own place (exec), so that no shell stays
// between us and the process, to swallow its signals. What remains is a job for the shell: pipelines, lists,
// conditions, and its built-in commands.
func (c Command) Program() (argv []string, direct bool) {
	if len(c.Argv) > 0 {
		return slices.Clone(c.Argv), true
	}
	inShell := []string{shell, "-c", c.Shell}
	if words := plainWords(c); words != nil {
		return words, true
	}
	file, err := parsePOSIX(c.Shell)
	if err != nil || !sameInEveryShell(c.Shell) {
		return inShell, false
	}
	call := simpleCommand(file)
	if call == nil {
		return inShell, false
	}
	plain := len(call.Assigns) == 0 && len(file.Stmts[0].Redirs) == 0
	if words, literal := literalWords(call.Args); plain && literal && !needsShell(words[0]) {
		return words, true
	}
	if !execable(call) {
		return inShell, false
	}
	at := call.Args[0].Pos().Offset()
	return []string{shell, "-c", c.Shell[:at] + "exec " + c.Shell[at:]}, false
}

// execable tells whether `exec` may stand before the first word: that word is surely a program, and the assignments
// before it do not decide which.
func execable(call *syntax.CallExpr) bool {
	for _, assign := range call.Assigns {
		if assign.Name != nil && assign.Name.Value == "PATH" {
			return false
		}
	}
	if program, literal := literalWord(call.Args[0]); literal {
		return !needsShell(program)
	}
	return namesPath(call.Args[0])
}

// needsShell tells a first word that a shell does not look up as a program, or that exec would misread.
func needsShell(program string) bool {
	return program == "" || program[0] == '-' || strings.Contains(program, "=") || builtins[program]
}

// namesPath tells a word that surely holds a slash, whatever its variables hold: no built-in command does.
func namesPath(word *syntax.Word) bool {
	first, ok := word.Parts[0].(*syntax.Lit)
	if ok && strings.HasPrefix(first.Value, "/") || ok && strings.HasPrefix(first.Value, "./") {
		return true
	}
	if len(word.Parts) != 1 {
		return false
	}
	quoted, ok := word.Parts[0].(*syntax.DblQuoted)
	if !ok {
		return false
	}
	for _, part := range quoted.Parts {
		if lit, ok := part.(*syntax.Lit); ok && strings.Contains(lit.Value, "/") {
			return true
		}
	}
	return false
}

// builtins are the commands and reserved words of dash, bash and busybox that they run by themselves. Most have a
// namesake in /bin that behaves a little differently.
var builtins = func() map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(`
		. : [ alias bg break cd chdir command continue echo eval exec exit export false fc fg getopts hash jobs kill
		local printf pwd read readonly return set shift test times trap true type ulimit umask unalias unset wait
		bind builtin caller compgen complete compopt coproc declare dirs disown enable help history let logout mapfile
		popd pushd readarray shopt source suspend time typeset function select newgrp
		if then else elif fi do done case esac while until for in { } ! [[ ]]`) {
		set[name] = true
	}
	return set
}()
