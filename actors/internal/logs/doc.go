// Package logs moves what processes write from their pipes into their log files.
//
// Guarantees: every line is in its file once, whole and in the order of its pipe, or counted as dropped. Lines of several
// pipes that share a file are never mixed within a line. A file has one writer, whatever names it is opened by. Bytes are
// not changed: only a line that its writer left unfinished at the end of a run, or held back for a second while others
// waited, gets an end that was not written. A missing directory, a full, hung or read-only disk or a deleted file stops no
// other file, and no process unless its file says Block. Quiet pipes cost no CPU, no goroutine and no buffer.
//
// Non-guarantees: there is no order between pipes. A file that was renamed is followed until Reopen, as logrotate expects.
// What a program does to the file between our look at it and our write, within microseconds, is not seen: copytruncate
// loses what is written between the copy and the cut. Two pumps, or two daemons, on one file may overwrite each other.
// Symbolic links in the directories above a log file are followed. Nothing here rotates, decorates or follows.
package logs
