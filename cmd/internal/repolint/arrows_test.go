package repolint

import (
	"slices"
	"strings"
	"testing"
)

// arrow is what one package may import of ours.
type arrow struct {
	from string
	to   []string
	why  string
}

var (
	values = []string{"actors/event", "spec"}
	leaf   []string
)

// arrows is the drawing of docs/architecture.md as a table: every package of ours, once. Arrows point towards values.
var arrows = []arrow{
	{"spec", leaf, "what the operator asked for is a value; it knows nobody"},
	{"actors/event", []string{"spec"}, "a fact is a value; everybody imports it, so it imports nearly nobody"},
	{"notifier", append([]string{"notifier/internal/channel", "notifier/internal/news", "notifier/internal/outbox"}, values...), "news is made of facts and configuration; what runs a listener is handed in by the tree"},
	{"notifier/internal/news", values, "a message is made of facts"},
	{"notifier/internal/channel", append([]string{"notifier/internal/news"}, values...), "a channel knows its service, and nobody else"},
	{"notifier/internal/outbox", append([]string{"notifier/internal/news"}, values...), "what waits does not know what it waits for"},
	{"pidfile", leaf, "a leaf: it returns errors and knows no configuration"},

	{"actors", []string{
		"actors/event", "actors/keeper", "actors/internal/pidfd", "actors/internal/child", "actors/internal/health", "actors/internal/journal", "actors/internal/lifecycle",
		"actors/internal/restart", "actors/internal/sample", "actors/internal/schedule", "notifier", "spec",
	}, "an actor decides and sends; what touches a process goes through actors/internal/child"},
	{"actors/keeper", []string{"actors/internal/epoll", "actors/internal/failpoint", "actors/internal/pidfd"}, "it must survive the daemon and stay small: it moves descriptors whose meaning it does not know"},
	{"actors/internal/lifecycle", values, "a pure machine: facts and configuration in, effects out"},
	{"actors/internal/restart", values, "a pure decision: facts and configuration in, a verdict out"},
	{"actors/internal/child", []string{
		"actors/event", "actors/internal/failpoint", "actors/internal/logs", "actors/internal/osproc", "actors/internal/pidfd", "actors/keeper", "spec"},
		"one place where a process, its output and its keeper meet"},
	{"actors/internal/failpoint", leaf, "a leaf: where the engine can be hit"},
	{"actors/internal/epoll", leaf, "a leaf: one way to wait"},
	{"actors/internal/pidfd", []string{"actors/internal/failpoint"}, "a leaf: a process by its descriptor, for whoever may not be mistaken in it"},
	{"actors/internal/osproc", []string{"actors/internal/epoll", "actors/internal/failpoint", "actors/internal/pidfd"}, "nearly a leaf: one process of the operating system, without our policy"},
	{"actors/internal/logs", []string{"actors/internal/epoll", "actors/internal/failpoint", "actors/internal/forward", "actors/internal/pidfd"}, "nearly a leaf: bytes from a pipe to a file"},
	{"actors/internal/forward", []string{"spec"}, "nearly a leaf: lines to a collector"},
	{"actors/internal/journal", []string{"actors/internal/failpoint"}, "a leaf: records on disk"},
	{"actors/internal/health", leaf, "a leaf: one probe"},
	{"actors/internal/schedule", leaf, "a leaf: when next"},
	{"actors/internal/sample", leaf, "a leaf: what one process uses"},

	{"cmd/phorever", []string{"cmd/internal/cli"}, "main is one sentence"},
	{"cmd/internal/cli", []string{"actors", "actors/event", "cmd/internal/control", "cmd/internal/daemon", "cmd/internal/fleet", "spec"},
		"a command talks to a daemon through the control door, or becomes one"},
	{"cmd/internal/daemon", []string{
		"actors", "actors/event", "actors/keeper", "cmd/internal/control", "cmd/internal/web", "notifier", "pidfile", "spec",
	}, "the daemon starts the parts and stops them; it has none of their insides"},
	{"cmd/internal/control", []string{"actors", "actors/event", "spec"}, "the door knows the tree's public protocol and nothing behind it"},
	{"cmd/internal/web", values, "the dashboard sees the read-model through an interface of its own"},
	{"cmd/internal/fleet", []string{"cmd/internal/control", "spec"}, "another machine is just another client"},
	{"cmd/internal/bench", leaf, "what is measured is the binary that users run"},
	{"cmd/internal/repolint", leaf, "rules look at text"},
}

func TestArrowsPointTowardsValues(t *testing.T) {
	for _, s := range sources(t) {
		i := slices.IndexFunc(arrows, func(a arrow) bool { return a.from == s.pkg })
		if i < 0 {
			t.Errorf("%s: package %s is not in the table of arrows: add it there and to docs/architecture.md", s.path, s.pkg)
			continue
		}
		if s.test {
			continue // a test may build what it needs
		}
		for _, imported := range s.imports() {
			ours, ok := strings.CutPrefix(imported, module)
			if ok && !slices.Contains(arrows[i].to, ours) {
				t.Errorf("%s imports %s: %s", s.path, ours, arrows[i].why)
			}
		}
	}
}

// fence is a library that only some packages may import.
type fence struct {
	library   string   // this package and those below it
	importers []string // exactly these
	tests     bool     // tests may, everywhere
	why       string
}

var fences = []fence{
	{"github.com/asynkron/protoactor-go", []string{"actors"}, false, "supervision is one package's business; an actor system costs 2.8 MB and 8 ms"},
	{"github.com/spf13/cobra", []string{"cmd/internal/cli"}, false, "only the command line parses a command line"},
	{"github.com/spf13/pflag", []string{"cmd/internal/cli"}, false, "only the command line parses a command line"},
	{"github.com/sirupsen/logrus", []string{"actors", "cmd/internal/cli", "cmd/internal/control", "cmd/internal/daemon", "notifier"}, true,
		"leaves return errors; the logger is handed down from the daemon"},
	{"github.com/tailscale/hujson", []string{"spec"}, false, "one place reads the configuration"},
	{"github.com/invopop/jsonschema", []string{"spec"}, true, "the schema is generated beside what it describes"},
	{"github.com/coreos/go-systemd", []string{"actors/keeper", "cmd/internal/daemon"}, true, "only what the service manager knows may talk to it"},
	{"go.etcd.io/bbolt", []string{"notifier/internal/outbox"}, true, "what waits for its delivery is kept in one place; hot state is the journal's"},
	{"github.com/wneessen/go-mail", []string{"notifier/internal/channel"}, true, "one place sends mail"},
	{"github.com/nicholas-fedor/shoutrrr", []string{"notifier/internal/channel"}, true, "one place knows the services"},
	{"github.com/emersion/go-smtp", nil, true, "only tests: a mail server"},
	{"github.com/google/go-cmp", nil, true, "only tests: it panics on what it cannot compare"},
	{"pgregory.net/rapid", nil, true, "only tests"},
	{"github.com/rogpeppe/go-internal", nil, true, "only tests"},
	{"github.com/santhosh-tekuri/jsonschema", nil, true, "only tests: the loader's own messages have places and hints"},
	{"testing", nil, true, "only tests"},
	{"plugin", nil, false, "what runs in the daemon is compiled into it"},
	{"unsafe", []string{"actors/internal/osproc", "actors/internal/pidfd", "actors/internal/logs", "actors/internal/sample", "actors/keeper"}, false,
		"only raw system calls need it"},
}

func TestLibrariesStayBehindTheirFences(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			for _, f := range fences {
				inside := imported == f.library || strings.HasPrefix(imported, f.library+"/")
				if !inside || slices.Contains(f.importers, s.pkg) || s.test && f.tests {
					continue
				}
				t.Errorf("%s imports %s: %s", s.path, imported, f.why)
			}
		}
	}
}

func TestOnlyChildSeesProcessAndOutputTogether(t *testing.T) {
	behind := []string{module + "actors/internal/osproc", module + "actors/internal/logs"}
	for _, s := range sources(t) {
		for _, imported := range s.imports() {
			if !s.test && slices.Contains(behind, imported) && s.pkg != "actors/internal/child" {
				t.Errorf("%s imports %s: a live process never belongs to an actor that can die; ask actors/internal/child", s.path, imported)
			}
		}
	}
}
