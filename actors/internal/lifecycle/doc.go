// Package lifecycle is the life of one clone as a table: what each input does in each state, and nothing else.
//
// Guarantees: Step is pure and total: every input has an answer in every state, the ones that a table row does not name
// are ignored. A run is started only while none is alive (Machine.Live), so that there are never two copies; while a run
// is alive the machine is in a state that waits for its end. What the user ordered last decides.
//
// Non-guarantees: it knows no time and no operating system. Whoever carries out the effects must feed every end of a run
// back exactly once, and must drop notes of runs other than Machine.Run before they get here.
package lifecycle
