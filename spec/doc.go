// Package spec is what the operator asked for, as plain values: nothing runs here.
//
// Guarantees: a Config that Load returned without an error is complete (every default filled in, every name
// resolved, every path absolute) and is never modified afterwards, so it may be shared between goroutines. Every
// problem of a file is reported with its file, line and column. Load reads files and looks up users; it starts
// nothing and writes nothing.
//
// Non-guarantees: that a program exists or a port is free when a process starts; that is known only then.
package spec
