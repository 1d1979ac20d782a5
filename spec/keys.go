package spec

import (
	"slices"
	"strings"
	"sync"
)

// key is one key of the configuration. The table of keys is what decoding, the schema and the reference page read.
type key struct {
	path    string // "roles.*.essential": * is any key, [] each element of a list
	kind    *kind
	initial string // the default, as JSON; "" is nothing
	means   string // one sentence or two, in Markdown
	example string // a value, as JSON

	// What this version cannot do yet. A pending key is refused unless its value says that it is off; a pending value
	// is a word that the kind will have. Supporting one is deleting this.
	pending       bool
	pendingValues []string
}

// shape is the table as a tree: what may stand at one place of the document.
type shape struct {
	*key
	name     string
	parent   *shape
	children []*shape // the known keys of an object, in the table's order
	each     *shape   // of an object with free keys, or of a list of objects

	value, object *node // what builtin and builtinObject answer
}

// shapes is the root of the tree.
var shapes = sync.OnceValue(func() *shape {
	root := &shape{key: &key{kind: objectKind}}
	for i := range documentKeys {
		root.add(&documentKeys[i], strings.Split(documentKeys[i].path, "."))
	}
	for i := range newsKeys {
		root.add(&newsKeys[i], strings.Split(newsKeys[i].path, "."))
	}
	for i := range processKeys {
		path := strings.Split(processKeys[i].path, ".")
		root.add(&processKeys[i], append([]string{"processes[]"}, path...))
		if processKeys[i].path != "name" { // a default name would be the same name twice
			root.add(&processKeys[i], append([]string{"defaults"}, path...))
		}
	}
	root.prepare()
	return root
})

func (s *shape) add(k *key, path []string) {
	name, list := strings.CutSuffix(path[0], "[]")
	var child *shape
	switch {
	case name == "*":
		if s.each == nil {
			s.each = &shape{name: "*", parent: s}
		}
		child = s.each
	default:
		if child = s.child(name); child == nil {
			child = &shape{name: name, parent: s}
			s.children = append(s.children, child)
		}
	}
	if list && len(path) > 1 || list && k.kind == objectKind {
		if child.each == nil {
			child.each = &shape{name: "[]", parent: child}
		}
		child = child.each
	}
	if len(path) > 1 {
		child.add(k, path[1:])
		return
	}
	child.key = k
}

func (s *shape) child(name string) *shape {
	for _, c := range s.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// of is the shape of the values below key.
func (s *shape) of(key string) *shape {
	if s == nil {
		return nil
	}
	if c := s.child(key); c != nil {
		return c
	}
	return s.each
}

// names are the known keys.
func (s *shape) names() []string {
	var names []string
	for _, c := range s.children {
		names = append(names, c.name)
	}
	return names
}

// prepare makes the built-in values: the configuration of a thousand processes asks for them a thousand times.
func (s *shape) prepare() {
	for _, c := range s.children {
		c.prepare()
		if value := c.value; value != nil {
			if s.object == nil {
				s.object = constant("{}")
			}
			s.object.members = append(s.object.members, member{c.name, value.place, value})
		}
	}
	if s.each != nil {
		s.each.prepare()
	}
	s.value = s.object
	if s.initial != "" {
		s.value = constant(s.initial)
	}
}

// builtin is the default value; nil where there is none.
func (s *shape) builtin() *node {
	if s == nil {
		return nil
	}
	return s.value
}

// builtinObject is the object made of the defaults of the keys below; nil where there are none.
func (s *shape) builtinObject() *node {
	if s == nil {
		return nil
	}
	return s.object
}

// elsewhere are the keys of the same name in the objects below, for a hint: timeout is stop.timeout.
func (s *shape) elsewhere(name string) []string {
	var paths []string
	for _, c := range s.children {
		if k := c.child(name); k != nil && (k.key == nil || !k.pending) {
			paths = append(paths, c.name+"."+name)
		}
	}
	slices.Sort(paths)
	return paths
}
