//go:build !linux

package osproc

import "syscall"

// Signal knows nobody here.
func (Member) Signal(syscall.Signal) error { return ErrGone }

// FindAll finds nobody here: a keeper, which would look, needs Linux.
func FindAll(kins []*Kin) ([][]Member, bool) { return make([][]Member, len(kins)), true }

// Members finds nobody here.
func (*Kin) Members() []Member { return nil }

// Kill ends nobody here.
func Kill(*Kin) int { return 0 }

// Claims is false here.
func (*Kin) Claims(int, uint64) bool { return false }

// Adopt fails here.
func Adopt(int, uint64) (*Process, error) { return nil, ErrGone }

// Past is never needed here.
func Past(pid int, start uint64) *Process {
	return &Process{pid: pid, start: start, reaped: true, gone: true}
}

// Reaped is never needed here.
func (*Process) Reaped() {}

// CloneParent is not known here.
const CloneParent = 0

// Exact is never known here.
func (*Process) Exact() (Status, bool) { return Status{Lost: true}, false }

// Recall is never known here.
func (*Process) Recall() (Status, bool) { return Status{Lost: true}, false }

// Ended is never asked for here.
func (*Process) Ended() bool { return false }
