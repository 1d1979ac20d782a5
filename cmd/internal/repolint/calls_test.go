package repolint

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// ban is a set of calls that only some packages may make, outside tests.
type ban struct {
	calls   []string // "os.StartProcess": by the name that the import has here
	callers []string // these packages, or these files
	why     string
}

var bans = []ban{
	{
		[]string{"exec.Command", "exec.CommandContext", "os.StartProcess", "syscall.ForkExec", "syscall.StartProcess", "syscall.Exec", "unix.Exec"},
		[]string{"actors/internal/osproc", "cmd/internal/daemon", "cmd/internal/bench", "actors/keeper"},
		"a process that osproc did not start is one that nobody reaps, sweeps or counts (the daemon starts only itself, for --daemon)",
	},
	{
		[]string{"syscall.Wait4", "unix.Wait4", "unix.Waitid", "os.FindProcess"},
		[]string{"actors/internal/osproc", "actors/keeper", "cmd/internal/bench"},
		"two waiters steal each other's exit codes: there is one",
	},
	{
		[]string{"syscall.Kill", "unix.Kill", "unix.PidfdSendSignal", "unix.Tgkill"},
		[]string{"actors/internal/osproc", "actors/internal/pidfd", "actors/internal/failpoint/on.go", "actors/keeper", "cmd/internal/bench"},
		"a number is not a process: signals go only where a pidfd proves who is meant",
	},
	{
		[]string{"time.Sleep"},
		[]string{"cmd/internal/bench"},
		"whoever sleeps cannot be stopped: wait for a timer beside what may come before it",
	},
	{
		[]string{"os.Exit", "log.Fatal", "log.Fatalf"},
		[]string{"cmd/phorever", "cmd/internal/bench", "actors/internal/osproc/shim_linux.go", "actors/internal/osproc/osproc_other.go"},
		"an exit in the middle leaves processes behind: return an exit code to main",
	},
	{
		[]string{"filepath.EvalSymlinks"},
		nil,
		"a path means what it says at each start; a symlink that was followed once misses the next release",
	},
	{
		[]string{"debug.PrintStack", "fmt.Print", "fmt.Printf", "fmt.Println"},
		[]string{"cmd/internal/bench"},
		"output goes to the writer that was handed down",
	},
}

func TestDangerousCallsHaveOneHome(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			qualifier, ok := selector.X.(*ast.Ident)
			if !ok {
				return true
			}
			call := qualifier.Name + "." + selector.Sel.Name
			for _, b := range bans {
				if slices.Contains(b.calls, call) && !slices.Contains(b.callers, s.pkg) && !slices.Contains(b.callers, s.path) {
					t.Errorf("%s: %s: %s", s.at(n), call, b.why)
				}
			}
			return true
		})
	}
}

// mayPanic are the files outside fail.go that may, each with what proves that it never happens.
var mayPanic = map[string]string{
	"spec/node.go": "it parses constants of its own package; any test that loads a configuration would find a bad one",
}

func TestOnePanicPerPackage(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasSuffix(s.path, "/fail.go") || mayPanic[s.path] != "" {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "panic" {
				t.Errorf("%s: panic: what can go wrong is an error; what cannot is said in the package's fail.go", s.at(n))
			}
			return true
		})
	}
}
