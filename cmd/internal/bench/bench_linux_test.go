package main

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if code, ok := asChild(os.Args[1:]); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func TestEveryMeasureIsTakenOfAFewProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("builds phorever and runs it")
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-n", "5", "-rounds", "1", "-settle", "200ms", "-idle", "200ms", "-log-size", "4MiB", "-json"}, &stdout, &stderr)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	var result struct{ Rows []row }
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
		t.Fatal(err)
	}
	for _, r := range result.Rows {
		if r.Ours == nil {
			t.Errorf("%s was not measured", r.Name)
		}
		if r.Theirs == nil && r.Rival != "" && r.Rival != inC {
			t.Errorf("%s has no baseline", r.Name)
		}
		if r.Name == "reload-touched" && r.Verdict != "ok" {
			t.Errorf("a reload that adds one process touched %v others", r.Ours.Value)
		}
	}
	if len(result.Rows) < 29 {
		t.Errorf("only %d rows", len(result.Rows))
	}
}
