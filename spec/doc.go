// Package spec is what the operator asked for, as plain values: nothing runs here.
//
// Guarantees: a Config that Load returned without an error is complete (every default filled in, every name
// checked, every path absolute but for what %…% stands for) and is never modified afterwards, so it may be shared
// between goroutines. Every problem of a file is reported with its file, line and column, all of them at once. Load
// reads files and looks up users; it starts nothing and writes nothing. A key whose behaviour does not exist yet is
// refused, never ignored.
//
// How a configuration comes to be: hujson parses a file; each value becomes a node that knows its place (node.go);
// structure.go checks the tree against the one table of keys (keytable.go, keytable_process.go), which is also what
// the schema and the reference page are made of; defaults.go lays built-in values, "defaults", preset and process
// over each other; decode.go converts what came out; validate.go checks what no single value can tell.
//
// Non-guarantees: that a program exists or a port is free when a process starts; that is known only then.
package spec
