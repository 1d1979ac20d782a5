package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/notifier"
	"github.com/dcousineau/phorever/spec"
)

const (
	keySilences = "daemon/silences"
	// outboxName is a file in the state directory. What is secret may be in it.
	outboxName = "outbox.db"
	// lastNews is how long the end of the daemon waits for sinks that work.
	lastNews = 3 * time.Second
)

// openOffice makes what brings news out, for the configuration in force.
func (d *Daemon) openOffice(was past, environ []string) {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	var silences []notifier.Silence
	_ = json.Unmarshal(was.values[keySilences], &silences)
	variables := variablesOf(environ)
	d.host, d.resolve = host, func(s spec.Sink) (spec.Sink, error) { return resolveSink(d.config.Load(), s, variables) }
	d.office = notifier.NewOffice(notifier.OfficeOptions{
		Path: filepath.Join(d.stateIn, outboxName), Host: host, Announce: d.announceNews, Warn: d.log.Warnf, Silences: silences,
		Resolve: d.resolve,
		Silenced: func(all []notifier.Silence) {
			if text, err := json.Marshal(all); err == nil {
				d.state.Put(keySilences, text)
			}
		},
	})
	d.office.Configure(was.config)
}

// announceNews publishes what the office itself has to say. Before there is a tree it goes into the log.
func (d *Daemon) announceNews(fact event.Fact) {
	if system := d.tree.Load(); system != nil {
		system.Announce(fact)
		return
	}
	d.log.Error(fact.String())
}

// resolveSink puts secrets in. They are looked for where the variables of processes are: in the configuration, its env_file, and the
// environment in which the daemon was first started.
func resolveSink(config *spec.Config, s spec.Sink, environ map[string]string) (spec.Sink, error) {
	values, err := config.Env.Load()
	if err != nil {
		return s, err
	}
	return s.Resolve(config.Directory, func(name string) (string, bool) {
		if value, ok := values[name]; ok {
			expanded, err := spec.Expansion{Env: func(other string) (string, bool) { v, ok := environ[other]; return v, ok }}.Expand(value)
			return expanded, err == nil
		}
		value, ok := environ[name]
		return value, ok
	})
}

func variablesOf(environ []string) map[string]string {
	variables := make(map[string]string, len(environ))
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		variables[name] = value
	}
	return variables
}

// follow has news go where a configuration says.
func (d *Daemon) follow(config *spec.Config) {
	d.config.Store(config)
	d.office.Configure(config)
}

// closeOffice lets what is new reach the sinks that work. The rest waits for the next daemon.
func (d *Daemon) closeOffice() {
	ctx, cancel := context.WithTimeout(context.Background(), lastNews)
	defer cancel()
	d.office.Close(ctx)
}

// CheckNews looks at what no single key can tell: whether what is secret can be found, and whether a service understands its address. Nothing
// is asked of the network. These are warnings: the environment of the daemon may be another one.
func CheckNews(config *spec.Config) (problems spec.Problems) {
	variables := variablesOf(spec.BaseEnvironment(os.Environ()))
	for i, s := range config.Notify {
		resolved, err := resolveSink(config, s, variables)
		if err == nil {
			err = notifier.Check(resolved)
		}
		if err != nil {
			problems = append(problems, spec.Problem{
				File: config.Path, Severity: spec.SeverityWarning, Path: fmt.Sprintf("notify[%d]", i), Message: fmt.Sprintf("%s: %v", s.Name, err),
			})
		}
	}
	return problems
}

// TestNews sends a sample to the sinks of a configuration for which no daemon runs.
func TestNews(ctx context.Context, config *spec.Config, names []string) ([]notifier.Tried, error) {
	if err := knownSinks(config, names); err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	variables := variablesOf(spec.BaseEnvironment(os.Environ()))
	return notifier.Test(ctx, config, names, host, func(s spec.Sink) (spec.Sink, error) { return resolveSink(config, s, variables) }), nil
}

// TestNews sends a sample to sinks, to all where none is named.
func (d *Daemon) TestNews(ctx context.Context, names []string) ([]notifier.Tried, error) {
	config, _ := d.system.Config()
	if err := knownSinks(config, names); err != nil {
		return nil, err
	}
	return notifier.Test(ctx, config, names, d.host, d.resolve), nil
}

// News is what waits and what has failed, and how each sink does.
func (d *Daemon) News() control.NewsReply {
	reply := control.NewsReply{Sinks: d.office.State(), Messages: d.office.List(), Silences: d.office.Silences()}
	if reply.Messages == nil {
		reply.Messages = []notifier.Listed{}
	}
	if reply.Silences == nil {
		reply.Silences = []notifier.Silence{}
	}
	return reply
}

// RetryNews tries everything of a sink, or of all for "", at once.
func (d *Daemon) RetryNews(names []string) (int, error) {
	config, _ := d.system.Config()
	if err := knownSinks(config, names); err != nil {
		return 0, err
	}
	if len(names) == 0 {
		return d.office.Retry("")
	}
	total := 0
	for _, name := range names {
		n, err := d.office.Retry(name)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Silence has nothing told of a target for a while.
func (d *Daemon) Silence(target actors.Target, length time.Duration) (notifier.Silence, error) {
	meant, err := d.system.Mean(target)
	if err != nil {
		return notifier.Silence{}, err
	}
	config, _ := d.system.Config()
	silence := notifier.Silence{
		Target: string(target), Until: time.Now().Add(length).In(config.Timezone).Round(time.Second),
		All: meant.All, Role: meant.Role, Process: meant.Process, Clone: meant.Clone,
	}
	d.office.Silence(silence)
	return silence, nil
}

func knownSinks(config *spec.Config, names []string) error {
	var known []string
	for _, s := range config.Notify {
		known = append(known, s.Name)
	}
	if len(known) == 0 {
		return &control.Refusal{Usage: true, Message: "no news goes anywhere", Hint: `write "notify" into ` + config.Path}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			refusal := &control.Refusal{Usage: true, Message: "there is no destination " + name, Hint: "there are " + strings.Join(known, ", ")}
			if near := spec.Nearest(name, known); len(near) > 0 {
				refusal.Hint = "did you mean " + strings.Join(near, " or ") + "?"
			}
			return refusal
		}
	}
	return nil
}
