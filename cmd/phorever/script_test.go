// The scripts in testdata/script are what users are promised, one file a promise. Each runs the real binary, as users
// get it, against real processes, in a directory of its own with a daemon of its own; when it ends nothing of it may be
// left running, or it has failed.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(program{m}, map[string]func(){"misbehave": misbehave})
}

// program builds phorever before the tests run and puts it on their PATH.
type program struct{ *testing.M }

func (p program) Run() int {
	dir, err := os.MkdirTemp("", "phorever-script")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	args := []string{"build", "-buildvcs=false", "-o", filepath.Join(dir, "phorever")}
	if raceDetector {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return p.M.Run()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		Setup:              isolate,
		Cmds:               commands,
		Condition:          condition,
		RequireUniqueNames: true,
	})
}

// isolate gives a script a home, a runtime directory and the example project, and looks after what it leaves behind.
func isolate(env *testscript.Env) error {
	runtimeDir := filepath.Join(env.WorkDir, ".run")
	if err := os.Mkdir(runtimeDir, 0o700); err != nil {
		return err
	}
	home := filepath.Join(env.WorkDir, ".home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	example, err := filepath.Abs("../../docs/example")
	if err != nil {
		return err
	}
	env.Setenv("HOME", home)
	env.Setenv("XDG_RUNTIME_DIR", runtimeDir)
	env.Setenv("EXAMPLE", example)
	env.Setenv("TERM", "dumb")
	env.Setenv("GORACE", "halt_on_error=1 exitcode=66")
	env.Defer(func() { leaveNoFiles(env.WorkDir) }) // in reverse order: when nothing runs any more
	env.Defer(func() { leaveNothingRunning(env) })
	return nil
}

func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Getuid() == 0, nil
	case "php":
		out, err := exec.Command("php", "-m").Output()
		return err == nil && containsLine(string(out), "pcntl"), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}
