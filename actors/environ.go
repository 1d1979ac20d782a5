package actors

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/dcousineau/phorever/spec"
)

// environOf is the environment of a child: ours less what is only for us, the user's own, then the configuration's
// layers, then ours for it. Later wins, and is not sorted out yet.
func environOf(h *house, config *spec.Config, process *spec.Process, number int, role string, run int, who *account) ([]string, error) {
	environ := append(make([]string, 0, len(h.environ)+len(config.Env.Values)+len(process.Env.Values)+8), h.environ...)
	if who != nil {
		environ = append(environ, "HOME="+who.home, "USER="+who.name, "LOGNAME="+who.name)
	}
	configured := len(environ)
	for _, layer := range []spec.Environment{ // each sees those before it
		{File: config.Env.File}, {Values: config.Env.Values, Removed: config.Env.Removed},
		{File: process.Env.File}, {Values: process.Env.Values, Removed: process.Env.Removed},
	} {
		if layer.File == "" && len(layer.Values)+len(layer.Removed) == 0 {
			continue
		}
		values, err := layer.Load()
		if err != nil {
			return nil, err
		}
		expansion, before := expansionOf(process, number, role, environ), len(environ)
		for _, key := range sortedKeys(values) {
			value, err := expansion.Expand(values[key])
			if err != nil {
				return nil, fmt.Errorf("env %s: %w", key, err)
			}
			environ = append(environ, key+"="+value)
		}
		kept := without(environ[configured:before], layer.Removed)
		environ = append(environ[:configured+len(kept)], environ[before:]...)
	}
	return append(environ,
		"PHOREVER_NAME="+process.ID, "PHOREVER_CLONE="+strconv.Itoa(number), "PHOREVER_ROLE="+role, "PHOREVER_RUN="+strconv.Itoa(run),
	), nil
}

func expansionOf(process *spec.Process, number int, role string, environ []string) spec.Expansion {
	return spec.Expansion{Name: process.ID, Clone: number, Role: role, Env: func(name string) (string, bool) {
		for _, pair := range slices.Backward(environ) { // later wins
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value, true
			}
		}
		return "", false
	}}
}

// without drops variables, in place.
func without(environ, removed []string) []string {
	return slices.DeleteFunc(environ, func(pair string) bool {
		key, _, _ := strings.Cut(pair, "=")
		return slices.Contains(removed, key)
	})
}

// seenVariables are sets to be used again: each start needs one.
var seenVariables = sync.Pool{New: func() any { return map[string]bool{} }}

// lastWins keeps the last of each variable, in place: programs differ in which of two they see.
func lastWins(environ []string) []string {
	seen := seenVariables.Get().(map[string]bool)
	defer func() {
		clear(seen)
		seenVariables.Put(seen)
	}()
	first := len(environ)
	for _, pair := range slices.Backward(environ) {
		key, _, _ := strings.Cut(pair, "=")
		if !seen[key] {
			seen[key] = true
			first--
			environ[first] = pair
		}
	}
	return environ[first:]
}
