package spec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is the type of a key's value: how the reference calls it, what the schema says of it, and how a value is
// checked. A check reports; converting a value that passed is decode.go's part and cannot fail.
type kind struct {
	name   string // for the reference: "duration"
	wants  string // for problems: must be …
	schema string // JSON Schema of a value other than null
	check  func(k *kind, r *report, n *node)

	secret  bool // its value is never printed
	orFalse bool // of an object: false switches it off
	orTrue  bool // of an object: true is an empty one
	element *kind
	words   []string
}

// refuse reports that the value is not what the kind wants.
func (k *kind) refuse(r *report, n *node, hint string) {
	r.errorAt(n, fmt.Sprintf("must be %s (got %s)", k.wants, n.got()), hint)
}

var (
	objectKind = &kind{name: "object", wants: "an object", schema: `{"type":"object"}`}
	listKind   = &kind{name: "list of objects", wants: "a list of objects", schema: `{"type":"array"}`}
	boolKind   = &kind{name: "boolean", wants: "true or false", schema: `{"type":"boolean"}`, check: checkBool}
	textKind   = &kind{name: "text", wants: "a text", schema: `{"type":"string"}`, check: checkText}
	pathKind   = &kind{name: "path", wants: "a path", schema: `{"type":"string","minLength":1}`, check: checkText}
	expandKind = &kind{name: "path with %…%", wants: "a path", schema: `{"type":"string","minLength":1}`, check: checkExpanded}
	pathsKind  = listOf(&kind{name: "paths", wants: "a path or a pattern", schema: `{"type":"string","minLength":1}`, check: checkText},
		"a list of paths and patterns")

	// objectOrFalse is an object that false switches off.
	objectOrFalse = &kind{name: "object or false", wants: "an object or false", orFalse: true,
		schema: `{"anyOf":[{"type":"object"},{"const":false}]}`}
	// objectOrBool is an object that false switches off, and true on with nothing said.
	objectOrBool = &kind{name: "object, true or false", wants: "an object, true or false", orFalse: true, orTrue: true,
		schema: `{"anyOf":[{"type":"object"},{"type":"boolean"}]}`}

	durationKind = &kind{name: "duration", wants: `a number of seconds or a duration such as "1m30s"`, check: checkDuration,
		schema: `{"anyOf":[{"type":"number","minimum":0},{"type":"string","pattern":"` + durationPattern + `"}]}`}
	patienceKind = &kind{name: `duration or "forever"`, wants: `a number of seconds, a duration such as "1m30s", or "forever"`, check: checkPatience,
		schema: `{"anyOf":[{"type":"number","minimum":0},{"type":"string","pattern":"` + durationPattern + `"},{"const":"forever"}]}`}
	sizeKind = &kind{name: "size", wants: `a number of bytes or a size such as "50MB" or "64MiB"`, check: checkSize, schema: sizeSchema}

	environmentKind = &kind{name: "object of texts", wants: `an object of texts, {"NAME": "value"}`, check: checkEnvironment,
		schema: `{"type":"object","additionalProperties":{"anyOf":[{"type":"string"},{"type":"null"}]},"propertyNames":{"pattern":"^[^=]+$"}}`}
)

const (
	durationPattern = `^\\s*(\\d+(\\.\\d+)?\\s*(ms|s|m|h|d)?\\s*)+$`
	sizeSchema      = `{"anyOf":[{"type":"integer","minimum":0},{"type":"string","pattern":"^\\s*\\d+(\\.\\d+)?\\s*[A-Za-z]*\\s*$"}]}`
)

func checkBool(k *kind, r *report, n *node) {
	if n.kind == kindBool {
		return
	}
	hint := ""
	if n.kind == kindString || n.kind == kindNumber {
		switch strings.ToLower(n.text) {
		case "true", "yes", "on", "1":
			hint = "write true"
		case "false", "no", "off", "0":
			hint = "write false"
		}
	}
	k.refuse(r, n, hint)
}

func checkText(k *kind, r *report, n *node) {
	switch {
	case n.kind == kindNumber:
		k.refuse(r, n, fmt.Sprintf("put it in quotes: %q", n.text))
	case n.kind != kindString:
		k.refuse(r, n, "")
	case n.text == "":
		r.errorAt(n, "must not be empty", "leave it out instead")
	case strings.ContainsRune(n.text, 0):
		r.errorAt(n, "must not hold a NUL character", "")
	}
}

func checkExpanded(k *kind, r *report, n *node) {
	checkText(k, r, n)
	if n.kind == kindString {
		checkExpansionAt(r, n)
	}
}

func checkExpansionAt(r *report, n *node) {
	if err := CheckExpansion(n.text); err != nil {
		r.errorAt(n, err.Error(), "")
	}
}

// listOf is a list whose elements are all of one kind.
func listOf(element *kind, wants string) *kind {
	return &kind{name: "list of " + element.name, wants: wants, element: element, check: checkList,
		schema: `{"type":"array","items":` + element.schema + `}`}
}

func checkList(k *kind, r *report, n *node) {
	if n.kind != kindList {
		hint := ""
		if n.kind == kindString || n.kind == kindNumber {
			hint = "write [" + n.raw() + "]"
		}
		k.refuse(r, n, hint)
		return
	}
	for _, item := range n.items {
		k.element.check(k.element, r, item)
	}
}

// named is the kind under another name.
func named(name string, k *kind) *kind {
	k.name = name
	return k
}

// oneOf is an enumeration.
func oneOf(words ...string) *kind {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = strconv.Quote(word)
	}
	wants := strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
	return &kind{name: wants, wants: wants, words: words, check: checkWord, schema: `{"enum":[` + strings.Join(quoted, ",") + `]}`}
}

func checkWord(k *kind, r *report, n *node) {
	if n.kind == kindString && slices.Contains(k.words, n.text) {
		return
	}
	hint := ""
	if n.kind == kindString {
		hint = didYouMean(n.text, k.words)
	}
	k.refuse(r, n, hint)
}

// didYouMean is a hint that offers the nearest of some words; "" when none is near.
func didYouMean(word string, among []string) string {
	for _, known := range among {
		if strings.EqualFold(word, known) {
			return fmt.Sprintf("write %q", known)
		}
	}
	if len(word) > 100 {
		return "" // not a word; measuring it would take long
	}
	near := Nearest(word, among)
	if len(near) == 0 {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", near[0])
}

// integer is a whole number from low to high.
func integer(low, high int64) *kind {
	wants := fmt.Sprintf("a whole number from %d to %d", low, high)
	schema := fmt.Sprintf(`{"type":"integer","minimum":%d,"maximum":%d}`, low, high)
	if high == math.MaxInt64 {
		wants, schema = fmt.Sprintf("a whole number, %d or more", low), fmt.Sprintf(`{"type":"integer","minimum":%d}`, low)
	}
	return &kind{name: "whole number", wants: wants, schema: schema, check: func(k *kind, r *report, n *node) {
		if value, ok := n.integer(); !ok || value < low || value > high {
			k.refuse(r, n, unquoted(n))
		}
	}}
}

// number is any number from low to high.
func number(low, high float64) *kind {
	wants := fmt.Sprintf("a number from %v to %v", low, high)
	schema := fmt.Sprintf(`{"type":"number","minimum":%v,"maximum":%v}`, low, high)
	if math.IsInf(high, 1) {
		wants, schema = fmt.Sprintf("a number, %v or more", low), fmt.Sprintf(`{"type":"number","minimum":%v}`, low)
	}
	return &kind{name: "number", wants: wants, schema: schema, check: func(k *kind, r *report, n *node) {
		if value, ok := n.number(); !ok || value < low || value > high {
			k.refuse(r, n, unquoted(n))
		}
	}}
}

// unquoted hints at a number that was written as a text.
func unquoted(n *node) string {
	if n.kind == kindString {
		if _, err := strconv.ParseFloat(n.text, 64); err == nil {
			return "a number stands without quotes: " + strings.TrimSpace(n.text)
		}
	}
	return ""
}

// integer is the node's value where it is a whole number, also written 1e3 or 5.0.
func (n *node) integer() (int64, bool) {
	if !n.is(kindNumber) {
		return 0, false
	}
	if value, err := strconv.ParseInt(n.text, 10, 64); err == nil {
		return value, true
	}
	value, err := strconv.ParseFloat(n.text, 64)
	if err != nil || value != math.Trunc(value) || math.Abs(value) > 1<<53 {
		return 0, false
	}
	return int64(value), true
}

func (n *node) number() (float64, bool) {
	if !n.is(kindNumber) {
		return 0, false
	}
	value, err := strconv.ParseFloat(n.text, 64)
	return value, err == nil
}

// duration is the node's value where it is a duration; not "forever".
func (n *node) duration() (time.Duration, error) {
	switch {
	case n.is(kindString):
		return ParseDuration(n.text)
	case !n.is(kindNumber):
		return 0, errNotDuration
	}
	seconds, ok := n.number()
	if !ok || math.Abs(seconds) >= float64(math.MaxInt64)/float64(time.Second) {
		return 0, errTooLong
	}
	return time.Duration(math.Round(seconds * float64(time.Second))), nil
}

// size is the node's value where it is a size.
func (n *node) size() (int64, bool) {
	if n.is(kindString) {
		value, err := ParseSize(n.text)
		return value, err == nil && value >= 0
	}
	value, ok := n.integer()
	return value, ok && value >= 0
}
