// The scripts in testdata/script are what users are promised, one file a promise. Each runs the real binary, as users
// get it, against real processes, in a directory of its own with a daemon of its own; when it ends nothing of it may be
// left running, or it has failed.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(program{m}, programs)
}

// programs are what else this test binary is, by the name under which it is run.
var programs = map[string]func(){"misbehave": misbehave}

// versionVariable is set when a release is built.
const versionVariable = "github.com/dcousineau/phorever/cmd/internal/cli.version"

// program builds phorever before the tests run, and another version of it, and puts both on their PATH.
type program struct{ *testing.M }

func (p program) Run() int {
	dir, err := os.MkdirTemp("", "phorever-script")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, binary := range []struct{ name, version string }{{"phorever", "dev"}, {"phorever-next", "next"}} {
		if err := build(filepath.Join(dir, binary.name), "-ldflags", "-X "+versionVariable+"="+binary.version); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked { // most of the time they wait
		if err := flag.Set("test.parallel", strconv.Itoa(runtime.GOMAXPROCS(0)+1)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return p.M.Run()
}

// build makes phorever, with the race detector where the tests have it.
func build(output string, options ...string) error {
	args := append([]string{"build", "-buildvcs=false", "-o", output}, options...)
	if raceDetector {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
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
	env.Setenv("GORACE", "halt_on_error=1 exitcode=66 atexit_sleep_ms=0")
	env.Defer(func() { leaveNoFiles(env.WorkDir) })                                  // in reverse order: when nothing runs any more
	env.Defer(func() { _ = syscall.Unmount(filepath.Join(env.WorkDir, "logs"), 0) }) // of a script that failed with a disk of its own
	env.Defer(func() { leaveNothingRunning(env) })
	return nil
}

func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Getuid() == 0, nil
	case "cgroup2":
		text, err := os.ReadFile("/proc/self/mounts")
		if err != nil {
			return false, nil
		}
		for line := range strings.Lines(string(text)) {
			if mount := strings.Fields(line); len(mount) > 3 && mount[2] == "cgroup2" && strings.HasPrefix(mount[3], "rw") {
				return true, nil
			}
		}
		return false, nil
	case "fuse":
		_, err := os.Stat("/dev/fuse")
		return err == nil && os.Getuid() == 0, nil
	case "php-fpm": // Debian puts its version into the name
		found, err := filepath.Glob("/usr/sbin/php-fpm*")
		return len(found) > 0, err
	case "php":
		out, err := exec.Command("php", "-m").Output()
		return err == nil && containsLine(string(out), "pcntl"), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}
