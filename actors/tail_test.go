package actors

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// One fact right after another has its last lines too: they are read one after the other.
func TestEachFactHasItsLastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.log")
	if err := os.WriteFile(path, []byte("about to fail\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &house{}
	for i := range 1000 {
		begin := time.Now()
		if lines := h.tail(logNames{path, path}, "web:1", 1); len(lines) != 1 && time.Since(begin) < tailWait {
			t.Fatalf("the lines of fact %d are %q", i, lines)
		}
	}
}
