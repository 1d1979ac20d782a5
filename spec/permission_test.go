package spec_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dcousineau/phorever/spec"
)

const safe = `{"processes": [{"name": "a", "up": "./bin/worker"%s}]}`

// TestRootRefusesFilesThatOthersCanWrite builds trees owned by several users, so it needs to be root.
func TestRootRefusesFilesThatOthersCanWrite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const daemon, games = 1, 5 // both in every passwd file
	nobody := `, "user": "daemon"`
	for _, test := range []struct {
		name    string
		keys    string // of the process
		arrange func(t *testing.T, root string)
		path    string // relative to the root
		want    string // part of the message; "" is no error
	}{
		{"a plain file", "", func(*testing.T, string) {}, "app/phorever.json", ""},
		{"writable by the world", "", chmod("app/phorever.json", 0o646), "app/phorever.json", "app/phorever.json can be written by others (mode 0646)"},
		{"writable by a group", "", chmod("app/phorever.json", 0o664), "app/phorever.json", "(mode 0664)"},
		{"a writable directory", "", chmod("app", 0o777), "app/phorever.json", "the directory ROOT/app can be written by others (mode 0777)"},
		{"a writable directory above", "", chmod(".", 0o777), "app/phorever.json", "the directory ROOT can be written by others"},
		{"a sticky directory", "", chmod(".", 0o777|os.ModeSticky), "app/phorever.json", ""},
		{"a sticky directory with someone's entry", "", all(chmod(".", 0o777|os.ModeSticky), chown("app", games)), "app/phorever.json", "belongs to games"},
		{"someone's directory", "", chown("app", games), "app/phorever.json", "the directory ROOT/app belongs to games"},
		{"someone's file run as root", "", chown("app/phorever.json", daemon), "app/phorever.json", `belongs to daemon, and "a" would run as root`},
		{"someone's file run as them", nobody, chown("app/phorever.json", daemon), "app/phorever.json", ""},
		{"someone's file by number", `, "user": "1"`, chown("app/phorever.json", daemon), "app/phorever.json", ""},
		{"someone's file and directory", nobody, all(chown("app", daemon), chown("app/phorever.json", daemon)), "app/phorever.json", ""},
		{"someone's file run as another", `, "user": "games"`, chown("app/phorever.json", daemon), "app/phorever.json", `"a" would run as games`},
		{"someone's file in a foreign group", nobody + `, "group": "shadow"`, chown("app/phorever.json", daemon), "app/phorever.json", "in the group shadow"},
		{"through a symlink", "", symlink("current", "app"), "current/phorever.json", ""},
		{"through a symlink to a writable directory", "", all(symlink("current", "app"), chmod("app", 0o777)), "current/phorever.json",
			"ROOT/current -> app: the directory ROOT/app can be written"},
		{"a writable include", "", all(include("app/more.json"), chmod("app/more.json", 0o666)), "app/phorever.json", "more.json can be written by others"},
		{"a link in a writable directory", "", all(mkdir("open", 0o777), symlink("open/link", "../app")), "open/link/phorever.json",
			"the directory ROOT/open can be written by others"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, "app/phorever.json", strings.ReplaceAll(safe, "%s", test.keys), 0o644)
			write(t, root, "app/bin/worker", "#!/bin/sh\n", 0o755)
			test.arrange(t, root)
			path := filepath.Join(root, test.path)
			_, problems := spec.Load(path, spec.LoadOptions{})
			got := strings.ReplaceAll(problems.Errors().String(), root, "ROOT")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("want %q, got:\n%s", test.want, got)
			}
			if config, problems := spec.Load(path, spec.LoadOptions{AllowUnsafe: true}); config == nil {
				t.Errorf("refused in spite of AllowUnsafe:\n%s", problems)
			}
		})
	}
}

type arrangement = func(t *testing.T, root string)

func all(arrangements ...arrangement) arrangement {
	return func(t *testing.T, root string) {
		for _, arrange := range arrangements {
			arrange(t, root)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func chmod(name string, mode os.FileMode) arrangement {
	return func(t *testing.T, root string) { must(t, os.Chmod(filepath.Join(root, name), mode)) }
}

func chown(name string, user int) arrangement {
	return func(t *testing.T, root string) { must(t, os.Chown(filepath.Join(root, name), user, user)) }
}

func symlink(name, target string) arrangement {
	return func(t *testing.T, root string) { must(t, os.Symlink(target, filepath.Join(root, name))) }
}

func mkdir(name string, mode os.FileMode) arrangement {
	return func(t *testing.T, root string) {
		must(t, os.Mkdir(filepath.Join(root, name), mode))
		must(t, os.Chmod(filepath.Join(root, name), mode))
	}
}

// include makes the configuration include another file.
func include(name string) arrangement {
	return func(t *testing.T, root string) {
		write(t, root, "app/phorever.json", `{"include": ["`+filepath.Base(name)+`"]}`, 0o644)
		write(t, root, name, strings.ReplaceAll(safe, "%s", ""), 0o644)
	}
}

func TestPidfileBehindASymlinkIsAWarning(t *testing.T) {
	root := t.TempDir()
	write(t, root, "releases/1/phorever.json", strings.ReplaceAll(safe, "%s", ""), 0o644)
	write(t, root, "releases/1/bin/worker", "#!/bin/sh\n", 0o755)
	must(t, os.Symlink("releases/1", filepath.Join(root, "current")))
	config, problems := spec.Load(filepath.Join(root, "current/phorever.json"), spec.LoadOptions{AllowUnsafe: true})
	if config == nil || len(problems) != 1 || !strings.Contains(problems[0].Message, "lies behind the symlink "+root+"/current") {
		t.Fatalf("want one warning, got:\n%s", problems)
	}
	if want := filepath.Join(root, "current"); config.Directory != want || config.Processes[0].Directory != want {
		t.Errorf("the symlink was resolved: %s", config.Directory)
	}
	if _, problems = spec.Load(filepath.Join(root, "releases/1/phorever.json"), spec.LoadOptions{AllowUnsafe: true}); len(problems) != 0 {
		t.Errorf("without the symlink:\n%s", problems)
	}
}

func TestLoadSaysWhyAFileCannotBeRead(t *testing.T) {
	root := t.TempDir()
	for path, want := range map[string]string{
		"none.json": "none.json: error: no such file or directory\n      = hint: `phorever init` writes a first configuration; -c FILE names another one\n",
		".":         ".: error: is a directory\n",
	} {
		_, problems := spec.Load(filepath.Join(root, path), spec.LoadOptions{WorkingDirectory: root})
		if got := problems.String(); got != want {
			t.Errorf("want %s\ngot  %s", want, got)
		}
	}
}
