// Package cli is the command line: one table of commands, one file a command or a few that belong together.
//
// Guarantees: results go to standard output, everything else to standard error, each problem as one "phorever: error:"
// line followed by what may help; the exit codes are those of docs/reference/cli.md. A command starts no daemon
// unless it is `start`, and whoever interrupts one loses nothing: its order stands.
//
// Non-guarantees: tables are for people, and change; scripts use --json.
package cli
