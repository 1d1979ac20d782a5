package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write generated files again")

// TestReferenceIsFresh: the page is what the command line says of itself.
func TestReferenceIsFresh(t *testing.T) {
	path := filepath.Join("..", "..", "..", "docs", "reference", "cli.md")
	want := Reference()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/reference/cli.md is stale; task docs writes it again:\n%s", cmp.Diff(string(got), string(want)))
	}
}
