package spec

import (
	"fmt"
	"maps"
	"strings"
)

// Load reads the file, where there is one, and lays the values over it. The result is for Expansion.Expand: %…% works
// in Values; what the file holds stands for itself, so a password with a % in it arrives unchanged.
// Errors never quote the file, which is where secrets are kept.
func (e Environment) Load() (map[string]string, error) {
	values := map[string]string{}
	if e.File != "" {
		read, problem := readEnvFile(e.File)
		if problem.message != "" {
			return nil, fmt.Errorf("env_file %s: %s", e.File, problem.message)
		}
		for name, value := range read {
			values[name] = escapeExpansion(value)
		}
	}
	maps.Copy(values, e.Values)
	return values, nil
}

// ownVariables are for this daemon alone: a child that saw them would report to our service manager in our name, or
// take its sockets. Those that end in _ are prefixes.
var ownVariables = []string{"PHOREVER_", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_", "INVOCATION_ID", "JOURNAL_STREAM"}

// BaseEnvironment is the part of an environment, in the form of os.Environ, that is meant for children.
func BaseEnvironment(environ []string) []string {
	kept := make([]string, 0, len(environ))
	for _, pair := range environ {
		if name, _, _ := strings.Cut(pair, "="); !isOwn(name) {
			kept = append(kept, pair)
		}
	}
	return kept
}

func isOwn(name string) bool {
	for _, own := range ownVariables {
		if name == own || strings.HasSuffix(own, "_") && strings.HasPrefix(name, own) {
			return true
		}
	}
	return false
}
