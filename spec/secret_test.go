package spec_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/spec"
)

func TestASecretIsNeverPrinted(t *testing.T) {
	s := spec.Secret("very-secret")
	encoded, err := json.Marshal(map[string]any{"a": s, "b": &s, "c": []spec.Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), fmt.Sprintf("%v %+v", spec.Sink{Slack: s}, &spec.Webhook{Headers: map[string]spec.Secret{"A": s}}), string(encoded)} {
		if strings.Contains(text, "very") {
			t.Errorf("printed: %s", text)
		}
	}
	if s.Reveal() != "very-secret" {
		t.Error("it cannot be used")
	}
}

func TestWhatASecretStandsFor(t *testing.T) {
	directory := t.TempDir()
	for name, text := range map[string]string{"plain": "from a file\n", "empty": "\n", "large": strings.Repeat("x", 70<<10)} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := func(name string) (string, bool) {
		if name == "ODD" {
			return "p@ss:w/rd %41+", true
		}
		return "v-" + name, name != "MISSING"
	}
	for _, c := range []struct{ text, want, problem string }{
		{"plain", "plain", ""},
		{"https://x/%env.A%/%env.B%?c=%20", "https://x/v-A/v-B?c=%20", ""},
		{"smtp://me:%env.ODD%@mail:25", "smtp://me:p%40ss%3Aw%2Frd%20%2541%2B@mail:25", ""},
		{"https://x/%env.ODD%", "https://x/p@ss:w/rd %41+", ""},
		{"a%env.MISSING%", "", "the environment has no variable MISSING"},
		{"file:plain", "from a file", ""},
		{"file:" + filepath.Join(directory, "plain"), "from a file", ""},
		{"file:none", "", "no such file or directory"},
		{"file:empty", "", "is empty"},
		{"file:large", "", "is larger"},
		{"file:.", "", "is not a file"},
	} {
		got, err := spec.Secret(c.text).Resolve(directory, env)
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s: got %v, want %s", c.text, err, c.problem)
			}
			continue
		}
		if err != nil || got.Reveal() != c.want {
			t.Errorf("%s: got %q, %v", c.text, got.Reveal(), err)
		}
	}
}

// Wherever a secret stands in a broken configuration, and however that is broken, no problem shows it.
func TestProblemsShowNoSecret(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const marker = "zq8secret8qz"
		document := rapid.SampledFrom([]string{
			`{"notify": [{"name": "a", "slack": "%s"}]}`,
			`{"notify": [{"name": "a", "email": {"smtp": "%s"}}]}`,
			`{"notify": [{"name": "a", "webhook": {"url": "%s", "secret": "%s"}}]}`,
			`{"notify": [{"name": "a", "webhook": {"url": "x", "headers": {"X": "%s", "Y Z": "%s"}}}]}`,
			`{"notify": [{"name": "a", "url": "%s", "uri": 1}]}`,
		}).Draw(rt, "document")
		form := rapid.SampledFrom([]string{"https://x.example/" + marker, "x://" + marker + "@y", marker}).Draw(rt, "form")
		text := strings.ReplaceAll(document, "%s", form)
		if rapid.Bool().Draw(rt, "pretty") {
			text = strings.ReplaceAll(text, ", ", ",\n")
		}
		if cut := rapid.IntRange(0, 20).Draw(rt, "cut"); cut > 0 { // behind the last secret
			text = text[:max(len(text)-cut, strings.LastIndex(text, marker)+len(marker)+1)]
		}
		_, problems := spec.Parse("phorever.json", []byte(text), spec.LoadOptions{})
		encoded, _ := json.Marshal(problems)
		if strings.Contains(problems.String()+string(encoded), marker) {
			rt.Fatalf("%s\n%s", text, problems)
		}
	})
}
