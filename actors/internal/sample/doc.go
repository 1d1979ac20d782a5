// Package sample reads how much cpu and memory processes use.
//
// Guarantees: a number is never that of an earlier process with the same pid. One read of one small file for each
// process, into one buffer.
//
// Non-guarantees: memory is the resident set of the process alone, shared pages included; descendants are not counted.
package sample

import "time"

// Usage is what one process uses.
type Usage struct {
	CPUPercent float64 // of one core, since the sample before; since its start in the first one
	Memory     int64   // resident bytes
	Virtual    int64   // bytes of address space
}

// point is the cpu time of one process at one moment.
type point struct {
	start uint64 // ticks since boot: with the pid, the process's identity
	ticks uint64
	at    time.Time
}

// Sampler remembers the sample before. It is not safe for concurrent use.
type Sampler struct {
	last   map[int]point
	buffer []byte
}

// New makes a sampler that has seen nothing.
func New() *Sampler { return &Sampler{last: map[int]point{}, buffer: make([]byte, 1024)} }
