// Package logs moves what processes write from their pipes into their log files.
//
// Guarantees: every line is in its file once, whole and in the order of its pipe, or counted as dropped. Lines of several pipes
// that share a file are never mixed within a line. A file has one writer, whatever names it is opened by. Bytes are not changed
// unless their file has a Form: only a line that its writer left unfinished at the end of a run, or held back for a second
// while others waited, gets an end that was not written. A missing directory, a full, hung or read-only disk or a deleted file
// stops no other file, and no process unless its file says Block. What was dropped is marked in the file when it works again. A
// file that is due is put aside between two lines, and compressed by a goroutine that nobody waits for. Quiet pipes cost no
// CPU, no goroutine and no buffer.
//
// An index beside a file tells when its bytes came and whose they are, as far as it could be written. What is forwarded is a copy that
// nothing waits for.
//
// With a Shelter all this holds across kill -9 of the process, as long as somebody holds what Hold names: streams are FIFOs,
// which are found again, and a ledger tells how far each batch is.
//
// Non-guarantees: there is no order between pipes. The marker of a loss is not written if we are killed before. A file that was
// renamed is followed until Reopen, as logrotate expects. What a program does to the file between our look at it and our write,
// within microseconds, is not seen: copytruncate loses what is written between the copy and the cut. Two pumps, or two daemons,
// on one file may overwrite each other. Symbolic links in the directories above a log file are followed.
package logs
