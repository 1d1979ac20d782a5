// Package journal keeps values by key in a file that survives the death of this process at any moment.
//
// Guarantees: what was written is found again, up to a record that was cut off in the middle; damage is never read as a
// value. A value is the whole of what was put, old or new. After Commit it is on the disk. A directory that is full,
// read-only or gone is left for the next one with everything that is known, and tried again. No method but Open, Flush and
// Close waits for a disk: what a disk does not take is kept, the latest value of each key. Files are for our own user alone.
//
// Non-guarantees: values of different keys that were put together may be found one without the other. Without Commit what
// was put last is lost with the power. A file that another user owns or may write is not read.
package journal
