//go:build !linux

package osproc

import "errors"

// Cgroup is never made here.
type Cgroup struct{ Path string }

// MakeCgroup fails here.
func MakeCgroup(string, int64, float64) (*Cgroup, error) {
	return nil, errors.New("control groups need Linux")
}

// OpenCgroup finds nothing here.
func OpenCgroup(string) *Cgroup { return nil }

// Empty is true here.
func (*Cgroup) Empty() bool { return true }

// Kill does nothing here.
func (*Cgroup) Kill() error { return nil }

// OOMKills is 0 here.
func (*Cgroup) OOMKills() int { return 0 }

// Remove does nothing here.
func (*Cgroup) Remove() error { return nil }
