package spec

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"
)

// GenerateSchema makes the schema from the table of keys.
func GenerateSchema() []byte {
	root := objectSchema(shapes(), map[string]string{"defaults": "defaults", "processes": "processes"})
	root.Version = jsonschema.Version
	root.Title = "Phorever's configuration: phorever.json"
	root.Description = "JSON with comments and trailing commas."
	process := objectSchema(shapes().child("processes").each, nil)
	process.Required = []string{"name"} // "up" may stand in defaults
	root.Definitions = jsonschema.Definitions{
		"defaults": objectSchema(shapes().child("defaults"), nil),
		"process":  process,
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func objectSchema(s *shape, elsewhere map[string]string) *jsonschema.Schema {
	object := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	if s.each != nil {
		object.AdditionalProperties = keySchema(s.each)
	}
	for _, c := range s.children {
		value := keySchema(c)
		switch elsewhere[c.name] {
		case "defaults":
			value.AnyOf[0] = &jsonschema.Schema{Ref: "#/$defs/defaults"}
		case "processes":
			value.AnyOf[0] = &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Ref: "#/$defs/process"}}
		}
		object.Properties.Set(c.name, value)
	}
	return object
}

// keySchema is the schema of one key's value, which may always be null.
func keySchema(s *shape) *jsonschema.Schema {
	value := &jsonschema.Schema{Description: s.means}
	if s.pending {
		value.Description = "Not supported yet. " + s.means
		value.Enum = []any{nil, false, []any{}, map[string]any{}}
		return value
	}
	switch {
	case s.kind.orTrue:
		value.AnyOf = []*jsonschema.Schema{objectSchema(s, nil), {Type: "boolean"}}
	case s.kind.orFalse:
		value.AnyOf = []*jsonschema.Schema{objectSchema(s, nil), {Const: false}}
	case s.kind == objectKind:
		value.AnyOf = []*jsonschema.Schema{objectSchema(s, nil)}
	case s.kind == listKind && s.each != nil && s.name != "processes":
		items := objectSchema(s.each, nil)
		if items.Properties.Len() > 0 {
			value.AnyOf = []*jsonschema.Schema{{Type: "array", Items: items}}
		}
	default:
		value.AnyOf = alternatives(s)
	}
	value.AnyOf = append(value.AnyOf, &jsonschema.Schema{Type: "null"})
	if s.initial != "" {
		value.Default = json.RawMessage(s.initial)
	}
	if s.example != "" {
		value.Examples = []any{json.RawMessage(s.example)}
	}
	return value
}

func alternatives(s *shape) []*jsonschema.Schema {
	var fragment jsonschema.Schema
	if err := json.Unmarshal([]byte(s.kind.schema), &fragment); err != nil {
		panic(fmt.Sprintf("%s: schema %s: %v", s.path, s.kind.schema, err))
	}
	if len(fragment.AnyOf) > 0 {
		return fragment.AnyOf
	}
	return []*jsonschema.Schema{&fragment}
}
