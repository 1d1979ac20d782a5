package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
)

// run is one command without a configuration anywhere near.
func run(t *testing.T, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("PHOREVER_CONFIG", "")
	var out, err bytes.Buffer
	code = Main(arguments, &out, &err)
	return code, out.String(), err.String()
}

func TestWhoeverAsksWronglyIsTold(t *testing.T) {
	for _, test := range []struct{ line, message, hint string }{
		{"statsu", `unknown command "statsu"`, "did you mean status"},
		{"stats --help", "stats is not supported yet", ""},
		{"-c x.json bogus --help", `unknown command "bogus"`, ""},
		{"help bogus", `unknown command "bogus"`, ""},
		{"reread", `unknown command "reread"`, "phorever plan"},
		{"update", `unknown command "update"`, "phorever reload"},
		{"stats", "stats is not supported yet", ""},
		{"notify", "notify what?", "phorever notify test"},
		{"silence web", "and for how long?", "30m"},
		{"logs --grep=(", "--grep: error parsing regexp", ""},
		{"logs --since=noon", "noon", "--since 10m"},
		{"logs --until=noon", "noon", "--until 10m"},
		{"logs --run=-1", "--run -1", "status --json"},
		{"logs --run=0", "--run 0: must be 1 or more", "status --json"},
		{"status --jsno", "unknown option --jsno", "did you mean --json?"},
		{"status -x", "unknown option -x", ""},
		{"start --wait=soon", "soon", ""},
		{"plan web", "takes no argument", ""},
		{"check a.json b.json", `takes one file at most: "b.json"`, "one after another"},
		{"why", "why what?", "phorever why worker"},
		{"scale", "scale what?", "worker=4"},
		{"signal USR1", "which signal, and to whom?", ""},
		{"completion tcsh", "no completion", "bash, zsh and fish"},
		{"status", "no phorever.json", "phorever init"},
		{"logs -n -3", "-n -3", ""},
		{"events --since=yesterday", "yesterday", "--since 10m"},
	} {
		code, stdout, stderr := run(t, strings.Fields(test.line)...)
		if code != exitUsage || stdout != "" {
			t.Errorf("%s: exit code %d, standard output %q", test.line, code, stdout)
		}
		if !strings.HasPrefix(stderr, "phorever: error: ") || !strings.Contains(stderr, test.message) {
			t.Errorf("%s: %q does not say %q", test.line, stderr, test.message)
		}
		if test.hint != "" && !strings.Contains(stderr, "\nphorever: hint: ") || !strings.Contains(stderr, test.hint) {
			t.Errorf("%s: %q does not hint at %q", test.line, stderr, test.hint)
		}
	}
}

// TestHelpFitsAScreen: every command explains itself on one, with an example of itself.
func TestHelpFitsAScreen(t *testing.T) {
	var out bytes.Buffer
	for _, command := range (&app{stdout: &out, stderr: &out}).command().Commands() {
		if command.Hidden || command.Name() == "help" {
			continue
		}
		code, stdout, _ := run(t, command.Name(), "--help")
		if lines := strings.Count(stdout, "\n"); code != 0 || lines > 40 {
			t.Errorf("%s --help: exit code %d, %d lines", command.Name(), code, lines)
		}
		if _, example, _ := strings.Cut(stdout, "\nExample:\n"); !strings.Contains(example, "phorever "+command.Name()) {
			t.Errorf("%s --help does not end with an example of it: %q", command.Name(), example)
		}
		for line := range strings.Lines(stdout) {
			if strings.HasPrefix(line, "      --") && !strings.Contains(line, "default") && !strings.Contains(line, "accepted") && !strings.Contains(line, "--wait STATE") {
				t.Errorf("%s --help: no default in %q", command.Name(), line)
			}
		}
	}
}

func TestWellIsWhatStatusSays(t *testing.T) {
	for _, test := range []struct {
		state          event.State
		wanted, failed bool
		want           bool
	}{
		{event.Running, true, false, true},
		{event.Starting, true, false, false},
		{event.Backoff, true, false, false},
		{event.Fatal, true, true, false},
		{event.Fatal, false, true, true},
		{event.Stopping, true, false, false},
		{event.Stopping, false, false, true},
		{event.Paused, true, false, false},
		{event.Exited, true, false, true},
		{event.Exited, true, true, false},
		{event.Stopped, false, false, true},
	} {
		if got := well(actors.ProcessStatus{State: test.state, Wanted: test.wanted, Failed: test.failed}); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"10m":                  now.Add(-10 * time.Minute),
		"90":                   now.Add(-90 * time.Second),
		"2026-05-06T11:00:00Z": now.Add(-time.Hour),
		"2026-05-06 11:30":     now.Add(-30 * time.Minute),
		"2026-05-05":           now.Add(-36 * time.Hour),
		"2026-05-06T14:00:00":  now.Add(2 * time.Hour),
	} {
		if got, err := parseMoment("--since", text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestTablesLineUp(t *testing.T) {
	var out bytes.Buffer
	tb := &table{header: []string{"NAME", "WHY"}}
	tb.add("ä", "so")
	tb.add("longer:1", "")
	tb.print(&out)
	if want := "NAME      WHY\nä         so\nlonger:1\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestLogFilesThatAreSharedAreNamedOnce(t *testing.T) {
	var shown shownLogs
	shown.add("web:1", "/l/web.log", "/l/web.err")
	shown.add("web:2", "/l/web.log", "/l/web.err")
	shown.add("one:1", "/l/one.log", "/l/one.log")
	shown.add("quiet:1", "", "")
	got := shown.files
	want := []logFile{{"web:*", "/l/web.log", true, false}, {"web:*", "/l/web.err", false, true}, {"one:1", "/l/one.log", true, true}}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}

func TestWhoseLinesOfASharedFileAreShown(t *testing.T) {
	shown := shownLogs{ids: []string{"web:1", "web:2", "api:1"}}
	for _, c := range []struct{ words, want string }{
		{"", ""}, {"all", ""}, {"web", "web web api"}, {"@front", "web web api"}, {"web:2 api", "web:1 web:2 api:1"},
	} {
		if got := strings.Join(shown.wanted(strings.Fields(c.words), ""), " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
}
