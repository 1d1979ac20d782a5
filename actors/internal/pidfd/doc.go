// Package pidfd names processes by descriptors, so that a number that is used again is never mistaken for the process that
// had it.
//
// Guarantees: a descriptor stays with its process, also when the number goes to another. OpenChecked answers only for the
// process that began when it is said to have. No call waits.
//
// Non-guarantees: where the system has no pidfd every call fails; what /proc tells may be old when it is read.
package pidfd
