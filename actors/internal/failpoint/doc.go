// Package failpoint names the places where the engine can be hit: by an error of the kernel, or by its own death.
//
// Guarantees: in the program that users run nothing of it is left, as At is empty there and vanishes at compile time. In one
// that was built with the tag failpoints At answers as the file says that PHOREVER_FAILPOINTS names: one line "NAME ACTION" for
// a point. ACTION is the name of an errno, which every other arrival gets, or each with the word always behind it; or kill,
// which ends the process there by SIGKILL, once, and removes the file. What was done is appended to a file of that name with
// ".hits" behind it.
//
// Non-guarantees: a file that is replaced while points are passed may be read half.
package failpoint
