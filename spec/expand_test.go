package spec_test

import (
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/spec"
)

func expansion(env map[string]string) spec.Expansion {
	return spec.Expansion{Name: "short_lived", Clone: 2, Role: "rolea", Env: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}}
}

func TestExpand(t *testing.T) {
	e := expansion(map[string]string{"HOME": "/srv/me", "EMPTY": "", "LOOP": "%name%"})
	for text, want := range map[string]string{
		"":                               "",
		"%name%-%clone%.%role%.log":      "short_lived-2.rolea.log",
		"%env.HOME%/x%env.EMPTY%y":       "/srv/me/xy",
		"%env.LOOP%":                     "%name%",
		"date +%Y-%m-%d":                 "date +%Y-%m-%d",
		"date +%y%m%d%H%M%S":             "date +%y%m%d%H%M%S",
		"printf '%s%n%d%% 100%'":         "printf '%s%n%d%% 100%'",
		"100%":                           "100%",
		"%%name%%":                       "%name%",
		"%%name%":                        "%short_lived",
		"%name%%clone%":                  "short_lived2",
		"%env.HOME%%env.EMPTY%%env.LOOP": "/srv/me%env.LOOP",
		"%%like%%":                       "%like%",
		"%NAME% %nmae% %env% %":          "%NAME% %nmae% %env% %",
		"%name":                          "%name",
	} {
		if got, err := e.Expand(text); err != nil || got != want {
			t.Errorf("%q expands to %q, %v; want %q", text, got, err, want)
		}
	}
	if _, err := e.Expand("%env.ABSENT%"); err == nil || !strings.Contains(err.Error(), "ABSENT") {
		t.Errorf("a missing variable is named, got %v", err)
	}
	if _, err := (spec.Expansion{}).Expand("%env.HOME%"); err == nil {
		t.Error("there is no environment")
	}
}

func TestCheckExpansion(t *testing.T) {
	for text, want := range map[string]string{
		"%nmae%":              "unknown %nmae%; did you mean %name%?",
		"%clones%":            "did you mean %clone%?",
		"%NAME%":              "did you mean %name%?",
		"%Env.HOME%":          "did you mean %env.HOME%?",
		"%envs.HOME%":         "did you mean %env.NAME%?",
		"%env%":               "write %env.NAME%",
		"%env.%":              "is not finished",
		"%env.MY-VAR%":        "is not finished",
		"%env.9LIVES%":        "is not finished",
		"%env.HOME":           "is not finished",
		"%process_name%":      "",
		"%hostname%":          "unknown %hostname%; there are %name%, %clone%, %role% and %env.NAME%, and %%hostname%% writes a literal %hostname%",
		"like '%foo%'":        "%%foo%% writes a literal",
		"like '%%foo%%'":      "",
		"%name% %clone%":      "",
		"%role% %env.A_1%":    "",
		"date +%y%m%d":        "",
		"date +%H:%M 100%":    "",
		"printf %s%%%d %ABC%": "",
	} {
		err := spec.CheckExpansion(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: want an error with %q, got %v", text, want, err)
		}
	}
}

// TestCheckedTextsExpand: whatever passes the check leaves nothing behind but what is meant to stay.
func TestCheckedTextsExpand(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"%", "%%", "name", "clone", "role", "env", ".", "A", "x", "Y", "foo", " ", "9"})
	e := expansion(map[string]string{"A": "1"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(pieces, 0, 12).Draw(t, "pieces"), "")
		if spec.CheckExpansion(text) != nil {
			return
		}
		if _, err := e.Expand(text); err != nil && !strings.Contains(err.Error(), "has no variable") {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// quotingPlaces are commands with %env.V% in every place where a value can be quoted. The shell has the same value as $V.
var quotingPlaces = []struct{ ours, shells string }{
	{`./args %env.V%`, `./args "$V"`},
	{`./args x%env.V%y`, `./args "x${V}y"`},
	{`./args "x%env.V%y"`, `./args "x${V}y"`},
	{`./args 'x%env.V%y'`, `./args "x${V}y"`},
	{`./args "x"%env.V%'y'`, `./args "x${V}y"`},
	{`./args "x%env.V%" $X`, `./args "x${V}" $X`},
	{`A=%env.V% ./args`, `A="$V" ./args`},
	{`A="%env.V%" ./args "$A"`, `A="$V" ./args "$A"`},
	{`./args "$(printf %s %env.V%)"`, `./args "$(printf %s "$V")"`},
	{`./args "$(printf %s "%env.V%")" | cat`, `./args "$(printf %s "$V")" | cat`},
	{`for i in %env.V% b; do ./args "$i"; done`, `for i in "$V" b; do ./args "$i"; done`},
	{`case x in %env.V%) ./args;; *) ./args no;; esac`, `case x in "$V") ./args;; *) ./args no;; esac`},
	{`{ ./args %env.V%; } >/dev/stdout`, `{ ./args "$V"; } >/dev/stdout`},
	{`./args %env.V%%env.V%`, `./args "$V$V"`},
}

// TestValuesAreNeverSyntax gives a shell the worst values in every place, and expects them to arrive unchanged.
func TestValuesAreNeverSyntax(t *testing.T) {
	directory := scratch(t)
	pieces := rapid.SampledFrom([]string{"a", " ", "'", `"`, `\`, "$", "`", "$(touch stolen)", "; touch stolen #", "\n", "*", "~", "${X}", "#", "&", "|", ">stolen", "(", ")", "é", "!", "%name%", "=", "-n"})
	for _, sh := range shells() {
		t.Run(filepath.Base(sh[0]), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				value := strings.Join(rapid.SliceOfN(pieces, 0, 6).Draw(t, "value"), "")
				place := rapid.SampledFrom(quotingPlaces).Draw(t, "place")
				command, err := spec.Command{Shell: place.ours}.Expand(expansion(map[string]string{"V": value}))
				if err != nil {
					t.Fatal(err)
				}
				argv, direct := command.Program()
				if !direct {
					argv = append(append([]string(nil), sh...), argv[1:]...)
				}
				want, _ := runIn(t, directory, append(sh, "-c", "V="+quoted(value)+"; "+place.shells)...)
				got, _ := runIn(t, directory, argv...)
				if withoutPid(want) != withoutPid(got) {
					t.Fatalf("%s with %q: want %q, got %q (%q)", place.ours, value, want, got, argv)
				}
				if files, _ := filepath.Glob(filepath.Join(directory, "stolen*")); len(files) > 0 {
					t.Fatalf("%s with %q was run", place.ours, value)
				}
			})
		})
	}
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func TestExpandCommand(t *testing.T) {
	e := expansion(map[string]string{"PHP": "/opt/php 8/bin/php", "PORT": "80"})
	for text, want := range map[string]string{
		"./args --id=%name%:%clone%":        "./args --id=short_lived:2",
		"%env.PHP% artisan":                 "'/opt/php 8/bin/php' artisan",
		"./a $((8000 + %clone%)) # %clone%": "./a $((8000 + 2)) # 2",
		`./a '%role%' "%role%" %role%`:      `./a 'rolea' "rolea" 'rolea'`,
		"date +%Y":                          "date +%Y",
	} {
		if got, err := (spec.Command{Shell: text}).Expand(e); err != nil || got.Shell != want {
			t.Errorf("%q expands to %q, %v; want %q", text, got.Shell, err, want)
		}
	}
	got, err := spec.Command{Argv: []string{"%env.PHP%", "-v", "%name%"}}.Expand(e)
	if err != nil || strings.Join(got.Argv, "|") != "/opt/php 8/bin/php|-v|short_lived" {
		t.Errorf("%q, %v", got.Argv, err)
	}
	command, _ := spec.Command{Shell: "%env.PHP% artisan"}.Expand(e)
	if argv, direct := command.Program(); !direct || argv[0] != "/opt/php 8/bin/php" {
		t.Errorf("a quoted value needs no shell: %q", argv)
	}
	for _, bad := range []spec.Command{{Shell: "echo `%env.PHP%`"}, {Shell: "./a %env.ABSENT%"}, {Argv: []string{"a", "%env.ABSENT%"}}, {Shell: "'%env.PHP%"}} {
		if _, err := bad.Expand(e); err == nil {
			t.Errorf("%q must be refused", bad)
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"%name%", "%%name%%", "%env.A%%env.B%", "%%%name%%%", "100%", "%env.", "%role%%%clone%%"} {
		f.Add(seed)
	}
	e := expansion(map[string]string{"A": "%%"})
	f.Fuzz(func(t *testing.T, text string) {
		checked := spec.CheckExpansion(text)
		expanded, err := e.Expand(text)
		if err == nil && !strings.Contains(text, "%") && (expanded != text || checked != nil) {
			t.Fatalf("%q becomes %q, %v", text, expanded, checked)
		}
	})
}

// BenchmarkProgram is what each start of a process pays for its command.
func BenchmarkProgram(b *testing.B) {
	e := expansion(map[string]string{"PHP": "/usr/bin/php"})
	for name, text := range map[string]string{
		"plain": "./worker --queue mail", "name": "./worker --id=%name%:%clone%", "env": "%env.PHP% artisan queue:work --queue='a b'", "shell": "cd /tmp && ./worker $X | cat",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				command, err := spec.Command{Shell: text}.Expand(e)
				if err != nil {
					b.Fatal(err)
				}
				command.Program()
			}
		})
	}
}
