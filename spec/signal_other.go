//go:build !linux

package spec

// There are no realtime signals here.
const (
	firstRealtime = 0
	lastRealtime  = 0
)
