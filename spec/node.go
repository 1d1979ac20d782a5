package spec

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"
)

// The kinds of a node, named by the first byte of their JSON.
const (
	kindNull   = 'n'
	kindBool   = 't'
	kindString = '"'
	kindNumber = '0'
	kindObject = '{'
	kindList   = '['
)

// node is one JSON value that knows where it was written. Nodes are never changed once the file is read: merging
// makes new objects around them, so that a problem of a default still points at the default.
type node struct {
	place
	parent  *node
	step    string // from the parent to here: .clones or [1]
	kind    byte
	text    string // the decoded text of a string, the literal of anything else that is not an object or a list
	members []member
	items   []*node
}

type member struct {
	key   string
	at    place
	value *node
}

// get is the member's value; nil where there is none. It may be asked of nil.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, m := range n.members {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// at follows keys from object to object.
func (n *node) at(keys ...string) *node {
	for _, key := range keys {
		n = n.get(key)
	}
	return n
}

// given tells whether there is a value other than null.
func (n *node) given() bool { return n != nil && n.kind != kindNull }

// is tells whether there is a value of that kind.
func (n *node) is(kind byte) bool { return n != nil && n.kind == kind }

// quiet tells whether the value merely states that something is off: null, false, an empty list or object.
func (n *node) quiet() bool {
	switch n.kind {
	case kindNull:
		return true
	case kindBool:
		return n.text == "false"
	case kindObject:
		return len(n.members) == 0
	case kindList:
		return len(n.items) == 0
	}
	return false
}

// got shows a value as a problem mentions it: short ones as written.
func (n *node) got() string {
	switch n.kind {
	case kindObject:
		return "an object"
	case kindList:
		return "a list"
	}
	text := n.text
	if n.kind == kindString {
		text = strconv.Quote(text)
	}
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:59]) + "…"
	}
	return text
}

// path says how to come to the value: processes[1].clones. It is made when a problem needs it, which is seldom.
func (n *node) path() string {
	var path string
	for ; n != nil; n = n.parent {
		path = n.step + path
	}
	return strings.TrimPrefix(path, ".")
}

// child is the path of a key below this node.
func (n *node) child(key string) string { return strings.TrimPrefix(n.path()+step(key), ".") }

// step is the part of a path that names a key.
func step(key string) string {
	plain := key != "" && strings.IndexFunc(key, func(r rune) bool {
		return !(r == '_' || r == '-' || r == '$' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0
	if runes := []rune(key); len(runes) > 60 {
		key, plain = string(runes[:59])+"…", false
	}
	if plain {
		return "." + key
	}
	return "[" + strconv.Quote(key) + "]"
}

// newNode gives a parsed value its place. Repeated keys are reported; the first one stays.
func newNode(r *report, src *source, value hujson.Value, parent *node, from string) *node {
	n := &node{place: place{src, value.StartOffset, value.EndOffset}, parent: parent, step: from, kind: byte(value.Value.Kind())}
	switch v := value.Value.(type) {
	case hujson.Literal:
		n.text = literalText(v)
		if n.kind == 'f' {
			n.kind = kindBool
		}
	case *hujson.Array:
		n.items = make([]*node, 0, len(v.Elements))
		for i, element := range v.Elements {
			n.items = append(n.items, newNode(r, src, element, n, "["+strconv.Itoa(i)+"]"))
		}
	case *hujson.Object:
		n.members = make([]member, 0, len(v.Members))
		seen := make(map[string]int, len(v.Members))
		for _, m := range v.Members {
			key := literalText(m.Name.Value.(hujson.Literal))
			at := place{src, m.Name.StartOffset, m.Name.EndOffset}
			if first, repeated := seen[key]; repeated {
				r.error(at, n.child(key), fmt.Sprintf("repeated key; it stands on line %d already", n.members[first].at.line()),
					"keep one of the two: JSON leaves open which of them would win")
				continue
			}
			seen[key] = len(n.members)
			n.members = append(n.members, member{key, at, newNode(r, src, m.Value, n, step(key))})
		}
	}
	return n
}

// literalText is the decoded text of a string, the literal of anything else. Most strings have no escapes, and a large
// configuration is mostly strings.
func literalText(value hujson.Literal) string {
	if value.Kind() == '"' && bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1])
	}
	return value.String()
}

// constant makes a node of JSON text that this package wrote itself.
func constant(text string) *node {
	value, err := hujson.Parse([]byte(text))
	if err != nil {
		panic("spec: built-in value " + text + ": " + err.Error())
	}
	return newNode(&report{}, newSource("", "built in", []byte(text)), value, nil, "")
}

// opening is the first character of the value: of a problem that is about all of it.
func (n *node) opening() place { return place{n.src, n.start, n.start + 1} }

// raw is the value as it was written.
func (n *node) raw() string { return string(bytes.TrimSpace(n.src.data[n.start:n.end])) }
