package repolint

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// withoutPromises are the packages whose comment need not say what they guarantee: nobody builds on them.
var withoutPromises = []string{"cmd/phorever", "cmd/internal/bench"}

func TestEveryPackageSaysWhatItGuarantees(t *testing.T) {
	docs := map[string]string{}
	for _, s := range sources(t) {
		if !s.test {
			docs[s.pkg] += s.syntax.Doc.Text()
		}
	}
	for pkg, doc := range docs {
		switch {
		case doc == "":
			t.Errorf("%s has no package comment: its reader must not have to guess", pkg)
		case slices.Contains(withoutPromises, pkg):
		case !strings.Contains(doc, "Guarantees:") || !strings.Contains(doc, "Non-guarantees:"):
			t.Errorf("%s: its package comment must hold a paragraph \"Guarantees:\" and one \"Non-guarantees:\"; callers rely on exactly these", pkg)
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.syntax.Name.Name == "main" {
			continue
		}
		for _, declaration := range s.syntax.Decls {
			for _, name := range undocumented(declaration) {
				t.Errorf("%s: %s is exported without a comment", s.at(name), name.Name)
			}
		}
	}
}

// undocumented are the exported names of a declaration that no comment explains. A comment on a group of constants or
// variables serves all of its members.
func undocumented(declaration ast.Decl) []*ast.Ident {
	var names []*ast.Ident
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !speaksForItself(d.Name.Name) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				if d.Tok != token.CONST && d.Tok != token.VAR || s.Doc != nil || s.Comment != nil || d.Doc != nil {
					continue
				}
				for _, name := range s.Names {
					if name.IsExported() {
						names = append(names, name)
					}
				}
			}
		}
	}
	return names
}

// speaksForItself tells the methods of the language's own interfaces, whose meaning everybody knows.
func speaksForItself(method string) bool {
	return slices.Contains([]string{
		"Error", "String", "Unwrap", "Receive", "HandleFailure", "MarshalJSON", "UnmarshalJSON", "Len", "Less", "Swap",
		"Read", "Write", "Close", "Name", "Severity", "Subject", "Levels", "Fire", "Format", "Enabled", "Handle", "WithAttrs", "WithGroup",
	}, method)
}

func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	receiver := f.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.IsExported()
		default:
			return false
		}
	}
}
