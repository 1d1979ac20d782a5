package spec

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheTableOfKeysIsSound checks every key's default and example by its own rules: the reference page must not
// recommend what Load refuses.
func TestTheTableOfKeysIsSound(t *testing.T) {
	var visit func(s *shape, path string)
	visit = func(s *shape, path string) {
		if s.key == nil {
			t.Fatalf("%s: keys below it, but none itself", path)
		}
		if path != "" && s.means == "" {
			t.Errorf("%s: no meaning", path)
		}
		supported := *s
		k := *s.key
		k.pending = false
		supported.key = &k
		for what, text := range map[string]string{"default": s.initial, "example": s.example} {
			// The keys below a pending one are not all in the table yet.
			if text == "" || s.pending && (s.kind == objectKind || s.kind.orFalse || s.kind == listKind) {
				continue
			}
			r := &report{}
			r.structure(constant(text), &supported)
			for _, problem := range r.problems() {
				if !strings.HasPrefix(problem.Message, "unknown user") && !strings.HasPrefix(problem.Message, "unknown group") {
					t.Errorf("%s: %s %s: %s", path, what, text, problem.Message)
				}
			}
		}
		for _, c := range s.children {
			visit(c, path+"."+c.name)
		}
		if s.each != nil {
			visit(s.each, path+"."+s.each.name)
		}
	}
	visit(shapes(), "")
}

func TestPresetsUseSupportedKeys(t *testing.T) {
	for name, p := range presetTable {
		r := &report{}
		r.structure(presets()[name], shapes().child("defaults"))
		if r.failed {
			t.Errorf("%s: %v", name, r.problems())
		}
		for _, k := range p.keys {
			if k.why == "" {
				t.Errorf("%s: %s: no reason", name, k.key)
			}
		}
		config, problems := Parse("phorever.json", []byte(`{"processes": [{"name": "a", "up": "x", "preset": "`+name+`"}]}`), LoadOptions{})
		if config == nil || len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func TestForeignWordsNameOurKeys(t *testing.T) {
	known := shapes().child("defaults").names()
	known = append(known, "name")
	for word, ours := range foreignKeys {
		first, _, _ := strings.Cut(strings.FieldsFunc(ours, func(r rune) bool { return r == ' ' || r == ',' })[0], ".")
		if !slices.Contains(known, first) {
			t.Errorf("%s: there is no key %s", word, first)
		}
	}
}

func TestQuickestWayToGiveUp(t *testing.T) {
	for _, test := range []struct {
		name   string
		policy Restart
		want   time.Duration
	}{
		{"the default", Restart{After: 5 * time.Second, Backoff: Backoff{Factor: 1}, GiveUp: &GiveUp{After: 10}}, 50 * time.Second},
		{"at once, but never faster than a second", Restart{StableAfter: 5 * time.Second, GiveUp: &GiveUp{After: 10}}, 10 * time.Second},
		{"at once, and stable at once", Restart{GiveUp: &GiveUp{After: 10}}, 0},
		{"doubling", Restart{After: time.Second, Backoff: Backoff{Factor: 2, Max: 8 * time.Second}, GiveUp: &GiveUp{After: 5}}, 23 * time.Second},
		{"jitter shortens what is lengthened", Restart{After: time.Second, Backoff: Backoff{Factor: 2, Max: time.Minute, Jitter: 0.5}, GiveUp: &GiveUp{After: 3}}, 4 * time.Second},
		{"max below resurrect_after", Restart{After: time.Minute, Backoff: Backoff{Factor: 2, Max: time.Second}, GiveUp: &GiveUp{After: 2}}, 2 * time.Minute},
	} {
		if got := quickest(test.policy); got != test.want {
			t.Errorf("%s: want %s, got %s", test.name, test.want, got)
		}
	}
}

func TestOnlyRootRunsProcessesAsAnother(t *testing.T) {
	defer func(restore func() int) { effectiveUser = restore }(effectiveUser)
	effectiveUser = func() int { return 4242 }
	l := newLoader(LoadOptions{})
	l.onDisk = true
	config, problems := l.load("/app/phorever.json", []byte(`{"processes": [{"name": "a", "up": "/bin/sh", "user": "root"}, {"name": "b", "up": "/bin/sh", "user": "4242", "group": "4242"}]}`))
	if config == nil || len(problems) != 1 || problems[0].Path != "processes[0].user" || problems[0].Severity != SeverityWarning {
		t.Errorf("want one warning, got %v", problems)
	}
}
