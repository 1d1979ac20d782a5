//go:build !linux

package forward

func smallWindow(uintptr) {}
