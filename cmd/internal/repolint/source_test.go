package repolint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/dcousineau/phorever/"

// source is one Go file of the repository.
type source struct {
	path    string // from the root, with slashes
	pkg     string // its directory: "actors/internal/child"
	test    bool
	lines   int
	syntax  *ast.File
	fileset *token.FileSet
}

// at is where a node stands, as an editor understands it.
func (s source) at(n ast.Node) string {
	p := s.fileset.Position(n.Pos())
	return s.path + ":" + itoa(p.Line)
}

// imports are the paths that the file imports.
func (s source) imports() []string {
	var paths []string
	for _, spec := range s.syntax.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// files are the paths of all files that belong to the project, from the root. What .gitignore names is not among them.
func files(t *testing.T) []string {
	t.Helper()
	var found []string
	ignored := ignores(t)
	fsys := os.DirFS(root(t))
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir // removed by somebody while we look
		case name == ".git", ignored(name):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case entry.Type().IsRegular():
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// ignores reads .gitignore; of its language it knows what ours uses: "/path", "/path/" and "*.suffix".
func ignores(t *testing.T) func(name string) bool {
	t.Helper()
	text := read(t, ".gitignore")
	return func(name string) bool {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if anchored, ok := strings.CutPrefix(line, "/"); ok && strings.TrimSuffix(anchored, "/") == name {
				return true
			}
			if ok, err := path.Match(line, path.Base(name)); err == nil && ok {
				return true
			}
		}
		return false
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sources parses every Go file.
func sources(t *testing.T) []source {
	t.Helper()
	var parsed []source
	for _, name := range files(t) {
		if !strings.HasSuffix(name, ".go") || strings.Contains(name, "testdata/") {
			continue
		}
		text := read(t, name)
		fileset := token.NewFileSet()
		syntax, err := parser.ParseFile(fileset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		parsed = append(parsed, source{
			path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			lines: strings.Count(text, "\n"), syntax: syntax, fileset: fileset,
		})
	}
	if len(parsed) == 0 {
		t.Fatal("no Go files found")
	}
	return parsed
}
