// Package news is what is told, as a value, and how it reads.
//
// Guarantees: what a message says to people comes from one place, whatever the service; lines of processes are harmless when they
// have passed Printable.
//
// Non-guarantees: of an Exit only what JSON has of it survives being written down.
package news
