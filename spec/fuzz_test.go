package spec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dcousineau/phorever/spec"
)

// FuzzParse: no text panics; one that is accepted is accepted again with the same meaning, is complete, and fits the
// schema; one that is refused says where.
func FuzzParse(f *testing.F) {
	for _, directory := range []string{"testdata/load", "testdata/invalid"} {
		files, err := filepath.Glob(directory + "/*.txt")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			text, _, _ := strings.Cut(string(data), divider)
			f.Add([]byte(text))
		}
	}
	schema := compileSchema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		config, problems := spec.Parse("/app/phorever.json", data, spec.LoadOptions{})
		printed := problems.String()
		if problems.HasErrors() != (config == nil) {
			t.Fatalf("a configuration is returned exactly when there is no error:\n%s", printed)
		}
		lines := strings.Count(string(data), "\n") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 || p.Message == "" {
				t.Fatalf("a problem without a place: %+v", p)
			}
		}
		if config == nil {
			return
		}
		again, _ := spec.Parse("/app/phorever.json", data, spec.LoadOptions{})
		if diff := cmp.Diff(config, again, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }), cmpopts.IgnoreUnexported(spec.Config{})); diff != "" {
			t.Fatalf("read twice, differs:\n%s", diff)
		}
		ids := map[string]bool{}
		for _, p := range config.Processes {
			if p.ID == "" || ids[p.ID] || p.Up.Check() != nil || len(p.Stop.Signals) == 0 || p.Restart.Backoff.Factor < 1 ||
				p.Directory == "" || p.Clones.Count < 0 || p.Pause == "" || p.Log.MaxLine <= 0 {
				t.Fatalf("an incomplete process: %+v", p)
			}
			ids[p.ID] = true
			for _, role := range p.Roles {
				if !strings.Contains(fmt.Sprint(config.Roles), "{"+role+" ") {
					t.Fatalf("role %q of %s is not a role", role, p.ID)
				}
			}
		}
		if err := fits(t, schema, strings.TrimPrefix(string(data), "\xef\xbb\xbf")+"\n"); err != nil {
			t.Fatalf("accepted, but not by the schema: %v\n%s", err, data)
		}
	})
}

func manyProcesses(count int) []byte {
	var b strings.Builder
	b.WriteString(`{"defaults": {"stop": {"timeout": "30s"}}, "processes": [`)
	for i := range count {
		fmt.Fprintf(&b, "\n  {\"name\": \"worker %d\", \"roles\": [\"queue\"], \"up\": \"/bin/sleep %d\", \"env\": {\"N\": \"%d\"}, \"resurrect_after\": 1},", i, i, i)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// BenchmarkLoad1000 is what a reload costs before anything is compared.
func BenchmarkLoad1000(b *testing.B) {
	path := filepath.Join(b.TempDir(), "phorever.json")
	if err := os.WriteFile(path, manyProcesses(1000), 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if config, problems := spec.Load(path, spec.LoadOptions{}); config == nil {
			b.Fatal(problems)
		}
	}
}
