package spec

import (
	"bytes"
	_ "embed"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of a configuration, for editors. It is generated from the table of keys
// by the tests, so that the program does not carry the generator. What it cannot say, Load does: it accepts a few
// configurations that Load refuses, and never the reverse.
func Schema() []byte { return bytes.Clone(schema) }
