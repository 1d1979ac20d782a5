package spec_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tailscale/hujson"
	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/spec"
)

// TestGeneratedFilesAreFresh compares what is generated from the table of keys with what is committed.
func TestGeneratedFilesAreFresh(t *testing.T) {
	for file, want := range map[string][]byte{
		"schema.json":                        spec.GenerateSchema(),
		"../docs/reference/configuration.md": spec.Reference(),
	} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is stale; go test ./spec -update (-want +got):\n%s", file, diff)
		}
	}
}

func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(spec.GenerateSchema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("phorever.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("phorever.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func fits(t testing.TB, schema *jsonschema.Schema, text string) error {
	t.Helper()
	plain, err := hujson.Standardize([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(document)
}

func TestSchemaAcceptsWhatLoadAccepts(t *testing.T) {
	schema := compileSchema(t)
	for _, file := range inputs(t, "testdata/load") {
		if err := fits(t, schema, file.main); err != nil {
			t.Errorf("%s: %v", file.name, err)
		}
	}
	example, err := os.ReadFile("../docs/example/phorever.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := fits(t, schema, string(example)); err != nil {
		t.Errorf("the example: %v", err)
	}
}

func TestSchemaRefusesMistakes(t *testing.T) {
	schema := compileSchema(t)
	for _, text := range []string{
		`[]`,
		`{"prcesses": []}`,
		`{"processes": {}}`,
		`{"processes": [{"up": "x"}]}`,
		`{"processes": [{"name": "x", "up": "x", "Clones": 2}]}`,
		`{"processes": [{"name": "x", "up": "x", "clones": -2}]}`,
		`{"processes": [{"name": "x", "up": "x", "clones": "many"}]}`,
		`{"processes": [{"name": "x", "up": "x", "stop": {"timeout": "soon"}}]}`,
		`{"processes": [{"name": "x", "up": []}]}`,
		`{"processes": [{"name": "a:b", "up": "x"}]}`,
		`{"processes": [{"name": "x", "up": "x", "preset": "laravel"}]}`,
		`{"processes": [{"name": "x", "up": "x", "health": {"http": "x"}}]}`,
		`{"processes": [{"name": "x", "up": "x", "env": {"A": 1}}]}`,
		`{"defaults": {"name": "x"}}`,
		`{"roles": {"a": {"supervision": "all"}}}`,
		`{"processes": [{"name": "x", "up": "x", "log": {"forward": 514}}]}`,
	} {
		if fits(t, schema, text) == nil {
			t.Errorf("accepted: %s", text)
		}
		if config, _ := spec.Parse("phorever.json", []byte(text), spec.LoadOptions{}); config != nil {
			t.Errorf("loaded: %s", text)
		}
	}
}

// TestSchemaKnowsEveryUnit: whatever the parsers of durations and sizes accept, an editor must not mark.
func TestSchemaKnowsEveryUnit(t *testing.T) {
	schema := compileSchema(t)
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`([ ]?[0-9]{0,2}\.?[0-9]{0,2} ?(ms|s|m|h|d|B|kB|KB|KiB|MB|Mib|GiB|TB|x)?){1,2} ?`).Draw(rt, "text")
		for _, key := range []string{"sample_every", "logging.max_line"} {
			document := fmt.Sprintf(`{"sample_every": %q}`, text)
			if key != "sample_every" {
				document = fmt.Sprintf(`{"logging": {"max_line": %q}}`, text)
			}
			if config, _ := spec.Parse("phorever.json", []byte(document), spec.LoadOptions{}); config == nil {
				continue
			}
			if err := fits(t, schema, document); err != nil {
				rt.Fatalf("%s %q is accepted, but not by the schema: %v", key, text, err)
			}
		}
	})
}
