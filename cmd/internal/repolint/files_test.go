package repolint

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

// topLevel is everything that may stand beside go.mod. What a second parent needs moves up one level, never to here.
var topLevel = []string{
	"LICENSE", "README.md", "Taskfile.yml", "actors", "cmd", "composer.json", "docs", "go.mod", "go.sum", "notifier", "pidfile", "spec",
}

func TestTopLevelIsFixed(t *testing.T) {
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	ignored := ignores(t)
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || ignored(name) || slices.Contains(topLevel, name) {
			continue
		}
		t.Errorf("%s: the top level is fixed (%s): nest it under the package that needs it", name, strings.Join(topLevel, ", "))
	}
}

func TestFilesStayShortEnoughToRead(t *testing.T) {
	for _, s := range sources(t) {
		if s.lines > 500 {
			t.Errorf("%s has %d lines: a file is one subject, at most 500 lines and better 400", s.path, s.lines)
		}
	}
}

// Spelled in halves, so that this file obeys its own rule.
var forbidden = []struct {
	words *regexp.Regexp
	why   string
}{
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`), "finish it, or say in docs/guarantees.md that it does not hold yet"},
	{regexp.MustCompile(`(^|[\s"'(=:])/(wo` + `rk|ho` + `me/[a-z]+|ro` + `ot)/`), "a path of one machine means nothing on another"},
	{regexp.MustCompile(`^(<{7}|>{7}) `), "a merge that was not finished"},
	{regexp.MustCompile("^package ma" + "in_test_skeleton|panic\\(\"skele" + "ton\"\\)"), "a place that was to be filled"},
}

func TestNothingIsLeftForLater(t *testing.T) {
	for _, name := range files(t) {
		switch path.Base(name) {
		case "go.sum", "LICENSE":
			continue
		}
		number := 0
		for line := range strings.Lines(read(t, name)) {
			number++
			for _, f := range forbidden {
				if found := f.words.FindString(line); found != "" {
					t.Errorf("%s:%d: %q: %s", name, number, strings.TrimSpace(found), f.why)
				}
			}
		}
	}
}

// generated are the files that a program writes, each with the package whose tests fail when the file is stale.
var generated = map[string]string{
	"docs/states.md":                  "actors/internal/lifecycle",
	"docs/reference/cli.md":           "cmd/internal/cli",
	"docs/reference/configuration.md": "spec",
	"spec/schema.json":                "spec",
}

func TestGeneratedFilesAreWatched(t *testing.T) {
	all := files(t)
	for name, pkg := range generated {
		if !slices.Contains(all, name) {
			t.Errorf("%s is missing: task docs writes it", name)
			continue
		}
		watched := false
		for _, file := range all {
			if path.Dir(file) == pkg && strings.HasSuffix(file, "_test.go") && strings.Contains(read(t, file), path.Base(name)) {
				watched = true
			}
		}
		if !watched {
			t.Errorf("%s: no test in %s mentions it: a generated file that no test watches grows stale", name, pkg)
		}
	}
	for _, name := range all {
		if path.Dir(name) == "docs/reference" && generated[name] == "" && !strings.HasSuffix(name, "README.md") {
			t.Logf("%s is written by hand", name)
		}
	}
}
