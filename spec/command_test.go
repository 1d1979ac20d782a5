package spec_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/spec"
)

// shells are those of this machine that may be somebody's /bin/sh.
func shells() [][]string {
	var found [][]string
	known := map[string]bool{}
	for _, words := range [][]string{{"/bin/sh"}, {"dash"}, {"bash", "--posix"}, {"busybox", "sh"}, {"ksh"}} {
		path, err := exec.LookPath(words[0])
		if err != nil {
			continue
		}
		if real, err := filepath.EvalSymlinks(path); err == nil && !known[real] {
			known[real] = true
			found = append(found, append([]string{path}, words[1:]...))
		}
	}
	return found
}

// showArguments prints each of its arguments and how it was called, so that a word that splits or vanishes is seen.
const showArguments = `#!/bin/sh
printf '<%s>' "$@"; printf 'A=<%s> pid=%s' "$A" "$$"
`

// scratch is a directory with the program ./args, and files that a pattern would find.
func scratch(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	write(t, directory, "args", showArguments, 0o755)
	write(t, directory, "a.txt", "from the file\n", 0o644)
	write(t, directory, "ab.txt", "", 0o644)
	return directory
}

func runIn(t interface{ Context() context.Context }, directory string, argv ...string) (output string, pid int) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = directory
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/home/tester", "X=an x  y", "EMPTY=", "A=outer", "PROGRAM=./args"}
	data, _ := cmd.CombinedOutput()
	if cmd.Process != nil {
		pid = cmd.Process.Pid
	}
	return string(data), pid
}

// commandLines are shell commands, and how they are run: directly, in the shell's own place (exec), or by the shell.
var commandLines = []struct {
	text string
	how  string
}{
	{`./args`, "direct"},
	{`./args one two`, "direct"},
	{"  ./args\tone   two ; ", "direct"},
	{"# why\n./args one # and what\n", "direct"},
	{"./args one \\\n two", "direct"},
	{`./args 'single $X' "double  spaces" plain`, "direct"},
	{`./args "a'b" 'a"b' a\"b a\'b a\ b`, "direct"},
	{`./args "" ''`, "direct"},
	{`./args "\$X" \$X "\"" "\\" "\n" \n "a\
b"`, "direct"},
	{`./args 'it'\''s' "a"b'c'\d`, "direct"},
	{`./args --x=y a=b -- -n`, "direct"},
	{`./args "*" \* '[a]' "~" '~' \~ "{a,b}" '` + "`" + `'`, "direct"},
	{`./args a#b 'c #d' "!" ! %name% 100%`, "direct"},
	{`'./args' one`, "direct"},
	{`./ar"gs" one`, "direct"},
	{`./args "é" 'ü' ß`, "direct"},

	{`./args $X`, "exec"},
	{`./args "$X" ${X} "${X:-y}" $(echo sub shell) ` + "`echo tick`", "exec"},
	{`./args $EMPTY "$EMPTY" $((1 + 2))`, "exec"},
	{`./args *.txt a?.txt [a]b.txt nothing*`, "exec"},
	{`./args ~ ~/x a:~ a=~`, "exec"},
	{`./args {a,b} {1..3}`, "exec"},
	{`./args 2>&1 one`, "exec"},
	{`>&2 ./args one`, "exec"},
	{`A=b ./args one`, "exec"},
	{`A="$X" ./args "$A"`, "exec"},
	{`A=1 A=2 2>&1 ./args $A`, "exec"},
	{`/bin/cat <a.txt`, "exec"},
	{"/bin/cat <<END - \nhere $X\nEND\n", "exec"},
	{"/bin/cat <<'END'\nhere $X\nEND", "exec"},
	{`"$PWD/args" one`, "exec"},
	{`./ar$(echo gs) one`, "exec"},
	{"# why\n  ./args \"$X\" # and what", "exec"},
	{`env ./args "$X"`, "exec"},
	{`./args cost$ $ $'a\nb'`, "exec"},

	{`$PROGRAM one`, "shell"},
	{`"$PROGRAM" one`, "shell"},
	{`./args one | cat`, "shell"},
	{`./args one && ./args two`, "shell"},
	{`./args one; ./args two`, "shell"},
	{"./args one\n./args two", "shell"},
	{`! ./args one`, "shell"},
	{`(./args one)`, "shell"},
	{`{ ./args one; }`, "shell"},
	{`if true; then ./args one; fi`, "shell"},
	{`cd / && pwd`, "shell"},
	{`exec ./args one`, "shell"},
	{`echo one "$X"`, "shell"},
	{`printf '%s\n' one`, "shell"},
	{`test -f a.txt`, "shell"},
	{`: nothing`, "shell"},
	{`exit 3`, "shell"},
	{`A=b`, "shell"},
	{`>made-by-redirection`, "shell"},
	{`PATH=. args one`, "shell"},
	{`command ./args one`, "shell"},
	{`. ./a.txt`, "shell"},
	{"./args one \r", "shell"},
	{`unset X; ./args "$X"`, "shell"},
}

func TestProgram(t *testing.T) {
	for _, line := range commandLines {
		argv, direct := spec.Command{Shell: line.text}.Program()
		how := "shell"
		if direct {
			how = "direct"
		} else if argv[2] != line.text {
			how = "exec"
		}
		if how != line.how {
			t.Errorf("%q is run by %s, want %s: %q", line.text, how, line.how, argv)
		}
	}
}

// TestProgramDoesWhatTheShellWouldDo runs each command twice, by a shell and our way, with every shell there is.
func TestProgramDoesWhatTheShellWouldDo(t *testing.T) {
	for _, sh := range shells() {
		t.Run(filepath.Base(sh[0]), func(t *testing.T) {
			directory := scratch(t)
			for _, line := range commandLines {
				want, _ := runIn(t, directory, append(sh, "-c", line.text)...)
				argv, direct := spec.Command{Shell: line.text}.Program()
				if !direct {
					argv = append(append([]string(nil), sh...), argv[1:]...)
				}
				got, pid := runIn(t, directory, argv...)
				if diff := cmp.Diff(withoutPid(want), withoutPid(got)); diff != "" {
					t.Errorf("%q by %q (-shell +ours):\n%s", line.text, argv, diff)
				}
				if line.how != "shell" && strings.Contains(got, "pid=") && !strings.Contains(got, "pid="+strconv.Itoa(pid)) {
					t.Errorf("%q: a shell stays in between: started %d, got %q", line.text, pid, got)
				}
			}
		})
	}
}

var pidText = regexp.MustCompile(`pid=\d+`)

func withoutPid(output string) string { return pidText.ReplaceAllString(output, "pid=") }

// TestQuotedWordsAreRead builds words out of everything that is special to a shell, and asks one what they mean.
func TestQuotedWordsAreRead(t *testing.T) {
	directory := scratch(t)
	pieces := rapid.SampledFrom([]string{`a`, ` `, `'`, `"`, `\`, `$`, "`", `*`, `?`, `[`, `]`, `~`, `#`, `!`, `{`, `}`, `,`, `=`, `:`, `/`, `%`, `^`, `-`, "\n", "\t", `é`, `;`, `&`, `|`, `<`, `>`, `(`, `)`, `X`, `$X`, `'q'`, `"d"`, `\\`})
	for _, sh := range shells() {
		t.Run(filepath.Base(sh[0]), func(t *testing.T) {
			direct := 0
			rapid.Check(t, func(t *rapid.T) {
				text := "./args " + strings.Join(rapid.SliceOfN(pieces, 1, 12).Draw(t, "pieces"), "")
				command := spec.Command{Shell: text}
				argv, ok := command.Program()
				if command.Check() != nil || !ok {
					return
				}
				direct++
				want, _ := runIn(t, directory, append(sh, "-c", text)...)
				got, _ := runIn(t, directory, argv...)
				if withoutPid(want) != withoutPid(got) {
					t.Fatalf("%q: the shell makes of it %s; we %s (%q)", text, want, got, argv)
				}
			})
			if direct == 0 {
				t.Error("nothing was tried")
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "must not be empty",
		" \n":                      "must not be empty",
		"# nothing":                "holds no command, only a comment",
		"./a \x00b":                "must not hold a NUL character",
		`"" one`:                   "the first word is the program, and it is empty",
		"echo it's":                "not a shell command: the command ends without the closing quote `'`, at character 8",
		"ä 'x":                     "at character 3",
		"./a &&":                   "not a shell command: `&&` must be followed by a command, at character 5",
		"./a\n./b )":               "at line 2, character 5",
		"if true":                  "`then`",
		"./a | | ./b":              "not a shell command",
		"diff <(./a) <(./b)":       "not a shell command",
		"a=(1 2)":                  `not a command of /bin/sh: arrays need another shell, at character 3; a list such as ["bash", "-c", "…"] chooses one`,
		"echo `%env.X%`":           `%env.X% cannot be quoted safely where it stands, at character 7: the shell has it as "$X"`,
		"echo ${Y:-%role%}":        "%role% cannot be quoted safely where it stands, at character 11: use a list of words",
		"./a # %env.X%":            "cannot be quoted safely",
		"cat <<E\n%env.X%\nE":      "cannot be quoted safely where it stands, at line 2, character 1",
		"cat <<%env.X%\nb\nE":      "",
		`./a \%env.X%`:             "cannot be quoted safely",
		`./a $%env.X%`:             "cannot be quoted safely",
		`./a $'%env.X%'`:           "cannot be quoted safely",
		"echo $((%clone% + 8000))": "",
		"echo ${X%name%}":          "",
		"%env.PHP% artisan":        "",
		`'\%env.X%' "%role%"`:      "",
		"[[ -f x ]]":               "",
		"date +%y%m%d":             "",
	} {
		err := spec.Command{Shell: text}.Check()
		switch {
		case want == "" && err != nil && !strings.Contains(text, "<<%env"):
			t.Errorf("%q: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: want an error with %q, got %v", text, want, err)
		}
	}
	for _, bad := range [][]string{{}, {""}, {"", "x"}, {"a", "\x00"}} {
		if (spec.Command{Argv: bad}).Check() == nil {
			t.Errorf("%q is no command", bad)
		}
	}
	if err := (spec.Command{Argv: []string{"printf", "", "'"}}).Check(); err != nil {
		t.Error(err)
	}
}

func TestCommandForPeople(t *testing.T) {
	for want, c := range map[string]spec.Command{
		`echo "$X" | cat`:                {Shell: `echo "$X" | cat`},
		`printf '%s\n' 'it'\''s' '' a=b`: {Argv: []string{"printf", "%s\\n", "it's", "", "a=b"}},
		"":                               {},
	} {
		if c.String() != want || c.IsZero() != (want == "") {
			t.Errorf("%q, want %q", c, want)
		}
	}
}

func FuzzCommand(f *testing.F) {
	for _, line := range commandLines {
		f.Add(line.text)
	}
	for _, more := range []string{"a=(1", "echo %env.X% '%role%' `%env.X%`", "${", "$((", "<<", "cat <<\\%env.X%\n", "case %env.A% in %role%) ;; esac", "\xff\\", "f() { %env.X%; }"} {
		f.Add(more)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := spec.Command{Shell: text}
		err := c.Check()
		argv, direct := c.Program()
		if len(argv) == 0 || direct && argv[0] == "" || !direct && (len(argv) != 3 || argv[0] != "/bin/sh") {
			t.Fatalf("%q is run as %q", text, argv)
		}
		if err == nil && !direct {
			if err := (spec.Command{Shell: argv[2]}).Check(); err != nil && !strings.Contains(text, "%") {
				t.Fatalf("%q becomes %q, which is no command: %v", text, argv[2], err)
			}
		}
		e := spec.Expansion{Name: "n", Clone: 1, Role: "'; r", Env: func(string) (string, bool) { return "$(v)'\"`\\\n", true }}
		if expanded, failed := c.Expand(e); err == nil {
			if failed != nil {
				t.Fatalf("%q passes the check and cannot be expanded: %v", text, failed)
			}
			expanded.Program()
		}
	})
}
