//go:build !linux

package spec

import "runtime"

// usableCPUs is the number of CPUs: there is neither affinity nor quota to ask for.
func usableCPUs() int { return runtime.NumCPU() }
