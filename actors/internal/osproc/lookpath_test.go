package osproc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"bin", "more"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"bin/tool": 0o600, "more/tool": 0o700, "bin/text": 0o600, "here": 0o700} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		file, dir, path string
		want            string // DIR is the directory
	}{
		{"DIR/here", "/", "", "DIR/here"},
		{"./here", "DIR", "", "DIR/here"},
		{"tool", "/", "DIR/bin:DIR/more", "DIR/more/tool"},
		{"tool", "DIR", "bin:more", "DIR/more/tool"}, // relative to the child's directory, not to ours
		{"here", "DIR", "bin:", "DIR/here"},
		{"text", "/", "DIR/bin:DIR/more", "error: DIR/bin/text: is not executable (chmod +x)"},
		{"absent", "/", "DIR/bin", "error: absent: not found in PATH"},
		{"./absent", "DIR", "", "error: ./absent: no such file or directory"},
		{"./absent", "DIR/gone", "", "error: ./absent: directory DIR/gone: no such file or directory"},
		{"DIR/absent", "DIR/gone", "", "error: DIR/absent: no such file or directory"},
		{"./bin", "DIR", "", "error: ./bin: is a directory"},
		{"./here/x", "DIR", "", "error: ./here/x: not a directory"},
	} {
		here := func(text string) string { return strings.ReplaceAll(text, "DIR", dir) }
		got, err := LookPath(here(test.file), here(test.dir), []string{"PATH=/no", "PATH=" + here(test.path)})
		if err != nil {
			got = "error: " + err.Error()
		}
		if want := here(test.want); got != want {
			t.Errorf("LookPath(%s, %s, %s):\ngot  %s\nwant %s", test.file, test.dir, test.path, got, want)
		}
	}
}
