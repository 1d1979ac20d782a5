package spec_test

import (
	"strings"
	"testing"

	"github.com/dcousineau/phorever/spec"
)

func TestNearest(t *testing.T) {
	keys := strings.Fields("name roles up down directory user group umask nice clones autostart resurrect resurrect_after backoff stable_after stop")
	for word, want := range map[string]string{
		"clone": "clones", "Clones": "clones", "cloens": "clones", "nmae": "name", "resurect": "resurrect", "resurrect": "resurrect resurrect_after",
		"direktory": "directory", "dir": "directory", "stap": "stop", "autstart": "autostart", "pu": "up",
		"completely_different": "", "": "", "x": "", "db": "",
	} {
		if got := strings.Join(spec.Nearest(word, keys), " "); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestNearestIsShort(t *testing.T) {
	if got := spec.Nearest("wroker", strings.Fields("worker worker worker1 worker2 worker3 worker4")); len(got) != 3 || got[0] != "worker" {
		t.Error(got)
	}
	if got := spec.Nearest("db", []string{"web", "dc", "db2", ""}); strings.Join(got, " ") != "db2 dc" {
		t.Error(got)
	}
}
