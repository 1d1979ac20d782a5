//go:build !linux

package pidfd

import (
	"errors"
	"iter"
	"os"
	"syscall"
	"time"
)

var errNone = errors.New("this system has no pidfd")

// What follows is there to be compiled: nothing of it works here.

// Open fails.
func Open(int) (int, error) { return -1, errNone }

// OpenChecked fails.
func OpenChecked(int, uint64) (int, error) { return -1, errNone }

// Signal fails.
func Signal(int, syscall.Signal) error { return errNone }

// Foreign knows nothing.
func Foreign(int) (Status, bool) { return Status{Lost: true}, false }

// ReadInfo knows nothing.
func ReadInfo(int) (Info, bool) { return Info{}, false }

// Look is Linux's.
func Look(int) (Info, error) { return Info{}, ErrGone }

// Environ knows nothing.
func Environ(int, string) (string, bool) { return "", false }

// BootID is empty.
func BootID() string { return "" }

// SinceBoot is 0.
func SinceBoot() time.Duration { return 0 }

// StartedAt is now.
func StartedAt(uint64) time.Time { return time.Now() }

// All are none.
func All() iter.Seq[int] { return func(func(int) bool) {} }

// Children are none.
func Children(int) []int { return nil }

// Name is empty.
func Name(int) string { return "" }

// Arguments are none.
func Arguments(int) []string { return nil }

// Program is unknown.
func Program(int) (os.FileInfo, string) { return nil, "" }

// Owner is unknown.
func Owner(int) (uint32, bool) { return 0, false }

// Ticks is 0.
func Ticks(time.Time) uint64 { return 0 }
