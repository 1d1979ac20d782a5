//go:build !linux

package daemon

func writesInBackground() {}
