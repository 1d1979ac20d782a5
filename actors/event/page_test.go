package event_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

var update = flag.Bool("update", false, "write docs/reference/events.md")

const page = "../../docs/reference/events.md"

var (
	one    = 1
	failed = event.Exit{Code: &one, Cause: event.CauseExited, Failure: true, Uptime: 5 * time.Second}
)

// facts is each fact once, as an example.
var facts = []event.Fact{
	event.ProcessStarted{ID: "web:1", Pid: 4821},
	event.ProcessReady{ID: "web:1", After: time.Second},
	event.ProcessExited{ID: "web:1", Exit: failed, Next: "resurrecting in 5s"},
	event.RestartScheduled{ID: "web:1", Delay: 5 * time.Second, Why: "exited 1 after 5s"},
	event.ProcessFlapping{ID: "web:1", Failures: 6, Within: 5 * time.Minute, Hourly: 0.4},
	event.ProcessGaveUp{ID: "web:1", Exit: &failed, Why: "11 failures within 5m", Retry: time.Minute},
	event.ProcessRecovered{ID: "web:1", Pid: 4822},
	event.ProcessRunaway{ID: "web:1", CPU: 0.993, For: 5 * time.Minute, Next: "it goes on"},
	event.ProcessGrowing{ID: "web:1", Memory: 310 << 20, Limit: 512 << 20, Hourly: 300 << 20, Left: 40 * time.Minute},
	event.ProcessUnhealthy{ID: "web:1", Why: "no line for 10m", Next: "it is ended, and resurrected"},
	event.ProcessHealthy{ID: "web:1", Why: "it writes lines"},
	event.ProcessStopped{ID: "web:1", Exit: &failed, Why: "stopped by an order"},
	event.ProcessPaused{ID: "web:1"},
	event.ProcessResumed{ID: "web:1"},
	event.RoleStarted{Role: "queue"},
	event.RoleStopped{Role: "queue", Why: "stopped by an order"},
	event.ConfigApplied{Config: "phorever.json", Changes: []spec.Change{{Process: "web", Action: spec.ActionRestart}}},
	event.ConfigRejected{First: "phorever.json:3:5: error: processes[0].clones: must be 0 or more", More: 1},
	event.LogDropped{Path: "logs/web.log", Why: "disk full"},
	event.LogTroubled{Path: "logs/web.log", What: "cannot be compressed", Why: "no space left on device"},
	event.NotificationFailed{Sink: "ops", Headline: "gave up on web:1", Why: "hooks.slack.com: connection refused"},
	event.DaemonStarted{Version: "v1.0.0", Config: "/srv/app/phorever.json", Pid: 4102},
	event.DaemonStopping{Why: "signal SIGTERM"},
	event.DaemonRecovered{Processes: 12, Lost: 1, Why: "it was killed by SIGKILL"},
	event.DaemonUpgraded{From: "v1.0.0", To: "v1.1.0"},
	event.ActorFaulted{Actor: "web:1", Fault: "index out of range"},
}

// meanings are what the comments of the types say, by type.
func meanings(t *testing.T) map[string]string {
	t.Helper()
	files := token.NewFileSet()
	var parsed []*ast.File
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			file, err := parser.ParseFile(files, name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, file)
		}
	}
	about, err := doc.NewFromFiles(files, parsed, "event")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, kind := range about.Types {
		all[kind.Name] = strings.Join(strings.Fields(kind.Doc), " ")
	}
	return all
}

func TestThePageOfEventsIsFresh(t *testing.T) {
	said := meanings(t)
	var b strings.Builder
	b.WriteString("# Events\n\n<!-- Generated from package actors/event: go test ./actors/event -update -->\n\n" +
		"What `events` prints, `notify` and `hooks` choose from by `on`, and the daemon's own log tells. [Their fields](json.md).\n\n" +
		"| event | severity | when | for example |\n|---|---|---|---|\n")
	for _, fact := range facts {
		name := reflect.TypeOf(fact).Name()
		_, when, ok := strings.Cut(said[name], " says ")
		if !ok {
			t.Errorf("the comment of %s does not say what it says: %q", name, said[name])
		}
		severity := string(fact.Severity())
		if fact.Name() == "process.exited" {
			severity = "warning; info when it is no failure"
		}
		fmt.Fprintf(&b, "| `%s` | %s | It says %s | %s |\n", fact.Name(), severity, when, strings.ReplaceAll(fact.String(), "|", "\\|"))
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(page); err != nil || string(got) != b.String() {
		t.Errorf("%s is stale: go test ./actors/event -update (%v)", page, err)
	}
}

// Every fact has a name that "on" knows, and stands on the page.
func TestEveryFactIsKnown(t *testing.T) {
	shown := map[string]bool{}
	for _, fact := range facts {
		shown[reflect.TypeOf(fact).Name()] = true
		if !slices.Contains(spec.EventNames, fact.Name()) {
			t.Errorf("%s is not among the names that a configuration may name", fact.Name())
		}
	}
	fset := token.NewFileSet()
	entries, _ := os.ReadDir(".")
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range file.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "Severity" {
				continue
			}
			if kind, ok := f.Recv.List[0].Type.(*ast.Ident); ok && !shown[kind.Name] {
				t.Errorf("%s does not stand on the page", kind.Name)
			}
		}
	}
}
