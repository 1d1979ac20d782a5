package actors

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dcousineau/phorever/spec"
)

// TestUsersWithoutAnAccount: containers run as numbers that nobody has written into /etc/passwd.
func TestUsersWithoutAnAccount(t *testing.T) {
	process := &spec.Process{ID: "web", User: "99999", Group: "99998"}
	who, err := lookUp(process)
	if err != nil {
		t.Fatal(err)
	}
	if c := who.credential; c.Uid != 99999 || c.Gid != 99998 || len(c.Groups) != 0 {
		t.Errorf("it would run as %+v", c)
	}
	environ, err := environOf(&house{environ: []string{"HOME=/root", "USER=root"}}, &spec.Config{}, process, 1, "", 1, who)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"HOME=/", "USER=99999", "LOGNAME=99999"} {
		if !slices.Contains(environ, want) {
			t.Errorf("%s is not in %q", want, environ)
		}
	}
	process.Group = ""
	if _, err := lookUp(process); err == nil {
		t.Error("it would run in the group of its number, which may be anybody's")
	}
}

// TestNullRemovesAVariable that the file or an env_file sets; what the daemon was started with is not theirs.
func TestNullRemovesAVariable(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte("A=file\nB=file\nTOP=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `{
		"env_file": "` + file + `", "env": {"A": "env", "C": "env", "D": "env", "OLD": "env", "INHERITED": "env", "TOP": null},
		"defaults": {"env": {"D": null, "E": "defaults"}},
		"processes": [
			{"name": "a", "up": "./x", "env_file": "` + file + `", "env": {"A": null, "C": null, "E": null, "INHERITED": null, "OLD": null, "NEW": "%env.OLD%"}},
			{"name": "b", "up": "./x", "env": {"D": "mine"}},
		],
	}`
	config, problems := spec.Parse("/app/phorever.json", []byte(text), spec.LoadOptions{})
	if config == nil {
		t.Fatal(problems)
	}
	for i, want := range [][]string{
		{"B=file", "INHERITED=daemon", "NEW=env", "TOP=file"}, // its own env_file sets TOP again
		{"A=env", "B=file", "C=env", "D=mine", "E=defaults", "INHERITED=env", "OLD=env"},
	} {
		h := &house{environ: []string{"INHERITED=daemon"}}
		environ, err := environOf(h, config, &config.Processes[i], 1, "", 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		environ = slices.DeleteFunc(lastWins(environ), func(pair string) bool { return strings.HasPrefix(pair, "PHOREVER_") })
		slices.Sort(environ)
		if diff := cmp.Diff(want, environ); diff != "" {
			t.Errorf("%s (-want +got):\n%s", config.Processes[i].Name, diff)
		}
	}
}

// TestWordsSeeTheEnvironmentOfTheDaemon also where the child is given another value, or a later one.
func TestWordsSeeTheEnvironmentOfTheDaemon(t *testing.T) {
	text := `{"processes": [{
		"name": "a", "up": ["true", "%env.PWD%", "%env.A%"], "directory": "%env.PWD%/work", "env": {"A": "mine"},
		"daemonizes": {"pidfile": "run%env.PWD%/%env.A%/%env.B%.pid"}
	}]}`
	config, problems := spec.Parse("/app/phorever.json", []byte(text), spec.LoadOptions{})
	if config == nil {
		t.Fatal(problems)
	}
	h := &house{environ: []string{"PATH=/usr/bin:/bin", "A=daemon", "PWD=/daemon", "B=last"}}
	launch, err := prepare(h, config, &config.Processes[0], 1, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"true", "/daemon", "mine"}, launch.Command.Argv); diff != "" {
		t.Errorf("argv (-want +got):\n%s", diff)
	}
	if want := "/app/run/daemon/mine/last.pid"; launch.Daemonizes.Pidfile != want {
		t.Errorf("the pid file is %s, want %s", launch.Daemonizes.Pidfile, want)
	}
	if want := "PWD=/daemon/work"; !slices.Contains(launch.Command.Env, want) {
		t.Errorf("%s is not in %q", want, launch.Command.Env)
	}
}
