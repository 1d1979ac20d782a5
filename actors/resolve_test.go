package actors

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dcousineau/phorever/spec"
)

// town has a role and a process of one name (web, with only that process; mail, with another one too).
func town() directory {
	config := &spec.Config{
		Roles: []spec.Role{{Name: "web"}, {Name: "mail"}, {Name: "worker"}},
		Processes: []spec.Process{
			{Name: "Web", ID: "web", Roles: []string{"web"}, Clones: spec.Clones{Count: 2}},
			{Name: "mail", ID: "mail", Roles: []string{"mail"}, Clones: spec.Clones{Count: 1}},
			{Name: "Short Lived", ID: "short_lived", Roles: []string{"mail", "worker"}, Clones: spec.Clones{Count: 2}},
			{Name: "alone", ID: "alone", Clones: spec.Clones{Count: 0}},
		},
	}
	return directory{config, func(p *spec.Process) int { return p.Clones.Count }, nil}
}

func TestTargets(t *testing.T) {
	for _, c := range []struct {
		target  Target
		start   bool
		want    []spec.CloneID
		refused string
		hint    string
	}{
		{target: "short_lived", want: []spec.CloneID{"short_lived:1", "short_lived:2"}},
		{target: "Short Lived", want: []spec.CloneID{"short_lived:1", "short_lived:2"}},
		{target: "short_lived:2", want: []spec.CloneID{"short_lived:2"}},
		{target: "short_lived:*", want: []spec.CloneID{"short_lived:1", "short_lived:2"}},
		{target: "@worker", want: []spec.CloneID{"short_lived:1", "short_lived:2"}},
		{target: "@WORKER", want: []spec.CloneID{"short_lived:1", "short_lived:2"}},
		{target: "worker", want: []spec.CloneID{"short_lived:1", "short_lived:2"}},
		{target: "alone"},
		{target: "all", want: []spec.CloneID{"web:1", "web:2", "mail:1", "short_lived:1", "short_lived:2"}},
		{target: "web", want: []spec.CloneID{"web:1", "web:2"}}, // the role has only that process
		{target: "mail", refused: "mail is a role and a process", hint: "write @mail for the role, mail:* for the process"},
		{target: "mail", start: true, want: []spec.CloneID{"mail:1", "short_lived:1", "short_lived:2"}},
		{target: "short_lived:3", refused: "unknown clone short_lived:3", hint: "short_lived has 2 clones, counted from 1; short_lived:* is all of them"},
		{target: "short_lived:0", refused: "unknown clone short_lived:0", hint: "short_lived has 2 clones, counted from 1; short_lived:* is all of them"},
		{target: "wrker", refused: `unknown role or process "wrker"`, hint: "did you mean worker?"},
		{target: "@wbe", refused: `unknown role "wbe"`, hint: "did you mean @web?"},
		{target: "zzzzzz", refused: `unknown role or process "zzzzzz"`, hint: "known are alone, mail, short_lived, web, worker"},
	} {
		hits, _, err := town().resolve([]Target{c.target}, c.start)
		var unknown *UnknownTarget
		if c.refused != "" {
			if !errors.As(err, &unknown) || unknown.Message != c.refused || unknown.Hint != c.hint {
				t.Errorf("%q: want %q (%q), got %#v", c.target, c.refused, c.hint, err)
			}
			continue
		}
		if diff := cmp.Diff(c.want, ids(hits)); err != nil || diff != "" {
			t.Errorf("%q: %v -want +got\n%s", c.target, err, diff)
		}
	}
}

// What was ordered by name holds against roles, in the order in which it was said.
func TestIntent(t *testing.T) {
	d := town()
	short := &d.config.Processes[2]
	short.Autostart = true
	i := newIntent()
	step := func(what string, want1, want2 bool) {
		t.Helper()
		if got1, got2 := i.wants(short, 1), i.wants(short, 2); got1 != want1 || got2 != want2 {
			t.Errorf("%s: want %v %v, got %v %v", what, want1, want2, got1, got2)
		}
	}
	step("nothing is active", false, false)
	i.active["worker"] = true
	step("its role is", true, true)
	i.choose(hit{process: short, clones: []int{2}}, halt)
	step("one clone was stopped", true, false)
	i.choose(d.whole(short, ""), run)
	step("all were started by name", true, true)
	delete(i.active, "worker")
	step("and outlive the role", true, true)
	i.release(d.whole(short, "worker"), run)
	step("until that is taken back", false, false)
	i.active["mail"] = true
	short.Autostart = false
	step("autostart false waits for a name", false, false)
}
