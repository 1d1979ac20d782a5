// Package restart decides what follows the end of a run: another start, now or later, or none.
//
// Guarantees: Decide is a pure function of its arguments; it reads no clock. A failure window slides on the monotonic
// reading of the times it is given, so a changed wall clock neither forgives nor multiplies failures. `give_up.after: N`
// allows exactly N restarts within the window.
//
// Non-guarantees: ends that somebody ordered are none of its business; they must not be shown to it.
package restart
