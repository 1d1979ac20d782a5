package spec

import "slices"

// fill lays values over each other, weakest first, on top of the built-in ones: built-in < defaults < preset < the
// process. Objects merge key by key, everything else replaces. null is as if the key were absent everywhere: it
// brings the built-in value back.
func fill(s *shape, layers ...*node) *node {
	value := s.builtin()
	for _, layer := range layers {
		value = overlay(s, value, layer)
	}
	return value
}

func overlay(s *shape, value, layer *node) *node {
	switch {
	case layer == nil:
		return value
	case layer.kind == kindNull && s == nil:
		return layer // a name of an env: that it is to be absent must be known where the layers below are read
	case layer.kind == kindNull:
		return s.builtin()
	case layer.kind != kindObject:
		return layer
	}
	base := value
	if !base.is(kindObject) { // give_up was false, and is an object now: what the object leaves out is built in
		base = s.builtinObject()
	}
	merged := *layer
	if base == nil {
		base = &node{}
	}
	merged.members = append(make([]member, 0, len(base.members)+len(layer.members)), base.members...)
	if len(base.members) == 0 {
		base = nil // every key is new, and repeated ones were taken out
	}
	for _, m := range layer.members {
		if s != nil && len(s.children) > 0 && s.of(m.key) == nil {
			continue // unknown, and reported
		}
		value := overlay(s.of(m.key), base.get(m.key), m.value)
		if base != nil {
			merged.set(m.key, value)
		} else if value != nil {
			merged.members = append(merged.members, member{m.key, value.place, value})
		}
	}
	return &merged
}

// set changes an object that is not shared yet; nil removes the key.
func (n *node) set(key string, value *node) {
	for i := range n.members {
		if n.members[i].key != key {
			continue
		}
		if value == nil {
			n.members = slices.Delete(n.members, i, i+1)
		} else {
			n.members[i] = member{key, value.place, value}
		}
		return
	}
	if value != nil {
		n.members = append(n.members, member{key, value.place, value})
	}
}
