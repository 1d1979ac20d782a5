//go:build !linux

package keeper

import (
	"errors"
	"time"
)

// Supported tells whether this system has what a keeper needs. Only Linux has it.
func Supported() bool { return false }

// Main is never asked for here.
func Main(Order, string) int { return 1 }

// Elsewhere finds nothing here.
func Elsewhere(string) (pid int, user uint32) { return 0, 0 }

// SetName does nothing here.
func SetName() {}

// DropText does nothing here.
func DropText() {}

// Pair fails here.
func Pair() ([2]int, error) { return [2]int{}, errors.New("a keeper needs Linux") }

// Link is never made here.
type Link struct{}

// Connect is never asked for here.
func Connect(int) (*Link, Inheritance, error) {
	return nil, Inheritance{}, errors.New("a keeper needs Linux")
}

// Serve does nothing here.
func (*Link) Serve(Ends, Life) {}

// Hello does nothing here.
func (*Link) Hello(string) {}

// Reserve does nothing here.
func (*Link) Reserve(string) {}

// Cancel does nothing here.
func (*Link) Cancel(string) {}

// Add does nothing here.
func (*Link) Add(string, int, uint64, bool) {}

// Peek does nothing here.
func (*Link) Peek(string) {}

// Del does nothing here.
func (*Link) Del(string) {}

// Look does nothing here.
func (*Link) Look(string) {}

// Hold does nothing here.
func (*Link) Hold(string) {}

// Keep does nothing here.
func (*Link) Keep(string, int) {}

// Settle does nothing here.
func (*Link) Settle(time.Duration) {}

// Let does nothing here.
func (*Link) Let(string) {}

// Store does nothing here.
func (*Link) Store(string, int) {}

// Remember does nothing here.
func (*Link) Remember(string, string) {}

// StoreLog does nothing here.
func (*Link) StoreLog(int) {}

// Drop does nothing here.
func (*Link) Drop(string) {}

// Beat does nothing here.
func (*Link) Beat() {}

// Notify does nothing here.
func (*Link) Notify(string) {}

// Bye does nothing here.
func (*Link) Bye(int) {}

// Replace does nothing here.
func (*Link) Replace(string) {}

// Renew does nothing here.
func (*Link) Renew(string) {}

// Detach does nothing here.
func (*Link) Detach() {}

// Inherit does nothing here.
func (*Link) Inherit() {}

// Close does nothing here.
func (*Link) Close() {}

// Flush does nothing here.
func (*Link) Flush() {}

// Orphans is never made here.
type Orphans struct{}

// OrphansOf is never asked for here.
func OrphansOf(int) *Orphans { return nil }

// Read has no list here.
func (*Orphans) Read() ([]int, bool) { return nil, false }
