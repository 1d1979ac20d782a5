//go:build !linux

package daemon

func dropText() {}
