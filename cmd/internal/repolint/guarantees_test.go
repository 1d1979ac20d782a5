package repolint

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	promise   = regexp.MustCompile(`^\| (\d+) \|`)
	namedTest = regexp.MustCompile("`([a-z0-9_]+\\.txt|[a-z0-9_]+_test\\.go|Test[A-Za-z0-9]+)`")
)

// A promise of which it is said that it holds names a test, and each test that is named exists.
func TestEveryPromiseNamesItsTest(t *testing.T) {
	there := map[string]bool{}
	for _, name := range files(t) {
		there[path.Base(name)] = true
	}
	for _, s := range sources(t) {
		for _, declaration := range s.syntax.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && s.test {
				there[function.Name.Name] = true
			}
		}
	}
	promises := 0
	for line := range strings.Lines(read(t, "docs/guarantees.md")) {
		number := promise.FindStringSubmatch(line)
		if number == nil {
			continue
		}
		promises++
		named := namedTest.FindAllStringSubmatch(line, -1)
		if len(named) == 0 && !strings.Contains(line, "**not yet**") {
			t.Errorf("docs/guarantees.md: promise %s names no test", number[1])
		}
		for _, name := range named {
			if !there[name[1]] {
				t.Errorf("docs/guarantees.md: promise %s names %s, which does not exist", number[1], name[1])
			}
		}
	}
	if promises != 20 {
		t.Errorf("docs/guarantees.md has %d promises, want 20", promises)
	}
}
