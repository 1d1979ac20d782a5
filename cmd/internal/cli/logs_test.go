package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dcousineau/phorever/cmd/internal/control"
)

// project is a directory with a configuration and log files, where no daemon runs.
func project(t *testing.T, config string, files map[string]string) (logs func(arguments ...string) (code int, stdout, stderr string)) {
	t.Helper()
	directory := t.TempDir()
	t.Chdir(directory)
	t.Setenv("PHOREVER_CONFIG", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	files["phorever.json"] = config
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(arguments ...string) (int, string, string) {
		var out, err bytes.Buffer
		code := Main(append([]string{"logs"}, arguments...), &out, &err)
		return code, out.String(), err.String()
	}
}

func TestLogsOfSeveralFilesAreGivenWhole(t *testing.T) {
	logs := project(t, `{"processes": [{"name": "a", "up": "true"}, {"name": "b", "up": "true"}]}`, map[string]string{
		"logs/a.log": "3\n4\n", "logs/a.log.1": "1\n2\n", "logs/b.log": strings.Repeat("b\n", 1000),
	})
	code, stdout, stderr := logs("--raw", "-n", "1000")
	if want := "1\n2\n3\n4\n" + strings.Repeat("b\n", 1000); code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if _, stdout, _ = logs("--raw", "-n", "1", "--grep", "[13b]"); stdout != "3\nb\n" {
		t.Errorf("the last ones that match: %q", stdout)
	}
	if _, stdout, _ = logs("--raw", "-n", "999999999", "a"); stdout != "1\n2\n3\n4\n" {
		t.Errorf("all: %q", stdout)
	}
}

func TestLogsNameADamagedFileAndGoOn(t *testing.T) {
	logs := project(t, `{"processes": [{"name": "a", "up": "true"}]}`, map[string]string{
		"logs/a.log": "3\n", "logs/a.log.1.gz": "not compressed", "logs/a.log.2": "1\n",
	})
	code, stdout, stderr := logs("--raw", "a")
	if code != exitFailed || stdout != "1\n3\n" || !strings.Contains(stderr, "a.log.1.gz: gzip: invalid header; lines are missing here\n") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, _, stderr = logs("--raw", "-n", "1", "a"); code != 0 || stderr != "" {
		t.Errorf("of a file that is not needed: exit code %d, %q", code, stderr)
	}
}

// A long line is shown whole and searched whole up to a mebibyte, whether its file is read from its end, compressed or followed; what is
// longer is cut, and says so.
func TestLongLinesOfLogs(t *testing.T) {
	whole, longer := strings.Repeat("x", 200_000)+" end", strings.Repeat("y", 1<<20)
	logs := project(t, `{"processes": [{"name": "a", "up": "true"}]}`, map[string]string{"logs/a.log": longer + "and more\n" + whole + "\n"})
	if _, stdout, _ := logs("--raw", "--grep", "x end$", "a"); stdout != whole+"\n" {
		t.Errorf("%d bytes that end with %q", len(stdout), stdout[max(0, len(stdout)-10):])
	}
	if _, stdout, stderr := logs("a"); stdout != "a:1 | "+longer+" [cut]\na:1 | "+whole+"\n" || stderr != "" {
		t.Errorf("%d bytes, %q", len(stdout), stderr)
	}
	if _, stdout, stderr := logs("--raw", "a"); stdout != longer+"\n"+whole+"\n" || !strings.Contains(stderr, "warning: a:1: a line of more than 1 MiB is cut") {
		t.Errorf("raw: %d bytes, %q", len(stdout), stderr)
	}
	if _, stdout, _ := logs("--json", "a"); strings.Count(stdout, `","cut":true}`) != 1 {
		t.Error("no mark in an object")
	}
}

// A line of which nothing is known may be of any of those who write into the file, whoever is asked for.
func TestLinesOfUnknownOriginAreNobodys(t *testing.T) {
	logs := project(t, `{"processes": [
		{"name": "w", "up": "true", "clones": 2}, {"name": "v", "up": "true", "stdout_file": "w.log"}, {"name": "alone", "up": "true"},
		{"name": "broken", "up": "true", "stdout_file": "%env:NO_SUCH%.log"}]}`, map[string]string{"logs/w.log": "hello\n", "logs/alone.log": "hello\n"})
	for words, want := range map[string]string{
		"w:2": "w:* | hello\n", "w": "w:* | hello\n", "v": "v:* | hello\n", "alone": "alone:1 | hello\n",
		"--json w:2":   `{"v":1,"time":null,"process":null,"run":null,"stream":"stdout","line":"hello"}` + "\n",
		"--json alone": `{"v":1,"time":null,"process":"alone:1","run":null,"stream":"stdout","line":"hello"}` + "\n",
	} {
		if code, stdout, stderr := logs(strings.Fields(words)...); code != 0 || stdout != want {
			t.Errorf("%s: exit code %d, %q, %q", words, code, stdout, stderr)
		}
	}
}

// Times are those of the configured time zone, in summer and in winter.
func TestTimesOfLogsAreInTheConfiguredZone(t *testing.T) {
	o := &logsOptions{since: "2026-01-15 12:00", until: "2026-07-15 12:00", now: time.Now()}
	daemon := control.DaemonStatus{Timezone: "Europe/Berlin", StartedAt: time.Date(2026, 3, 1, 0, 0, 0, 0, time.FixedZone("", 3600))}
	if err := o.readIn(daemon.Zone()); err != nil {
		t.Fatal(err)
	}
	if got := o.from.UTC().Format(time.RFC3339) + " " + o.to.UTC().Format(time.RFC3339); got != "2026-01-15T11:00:00Z 2026-07-15T10:00:00Z" {
		t.Error(got)
	}
	daemon.Timezone = "" // of an older daemon
	if _, offset := o.to.In(daemon.Zone()).Zone(); offset != 3600 {
		t.Errorf("of an older daemon: %d s", offset)
	}
	logs := project(t, `{"timezone": "Asia/Kolkata", "processes": [{"name": "a", "up": "true"}]}`, map[string]string{})
	for _, bounds := range []string{"--since=1h --until=2h", "--since=2026-01-15T06:31:00Z --until=2026-01-15T12:00:00"} {
		if code, _, stderr := logs(strings.Fields(bounds)...); code != exitUsage || !strings.Contains(stderr, "--until is before --since") {
			t.Errorf("%s: exit code %d, %q", bounds, code, stderr)
		}
	}
	if code, _, stderr := logs("--since=2026-01-15T06:29:00Z", "--until=2026-01-15T12:00:00"); code != 0 {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

// A role and targets are those that are both.
func TestLogsOfARole(t *testing.T) {
	logs := project(t, `{"processes": [
		{"name": "a", "up": "true", "roles": ["one"]}, {"name": "b", "up": "true", "roles": ["two"]}, {"name": "c", "up": "true", "roles": ["one", "two"]}]}`,
		map[string]string{"logs/a.log": "of a\n", "logs/b.log": "of b\n", "logs/c.log": "of c\n"})
	for words, want := range map[string]string{
		"--role two": "of b\nof c\n", "--role two a c": "of c\n", "--role two all": "of b\nof c\n", "--role one @two": "of c\n", "--role one b": "",
	} {
		if code, stdout, stderr := logs(append(strings.Fields(words), "--raw")...); code != 0 || stdout != want {
			t.Errorf("%s: exit code %d, %q, %q", words, code, stdout, stderr)
		}
	}
}

func TestLogsOfOutputThatIsNotKept(t *testing.T) {
	logs := project(t, `{"processes": [{"name": "a", "up": "true", "stdout_file": "/dev/null", "stderr_file": "/dev/null"}, {"name": "b", "up": "true"}]}`,
		map[string]string{"logs/b.log": "of b\n"})
	const said = "phorever: a:1: /dev/null is no regular file: what goes there is not kept\n"
	if code, stdout, stderr := logs("a"); code != 0 || stdout != "" || stderr != said {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr := logs("--raw"); code != 0 || stdout != "of b\n" || stderr != said {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}
