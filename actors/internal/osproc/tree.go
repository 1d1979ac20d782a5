package osproc

import "sync"

// Kin says by what the processes of one run are known, wherever they have moved. Its methods are safe for concurrent use.
type Kin struct {
	Leader    int            // pid of the first process: its session and its group are named so; 0 for none
	Start     uint64         // when it began: older processes are no kin
	Mark      string         // "NAME=VALUE" in the environment of all that it starts; "" for none
	Outputs   []string       // FIFOs that their standard output leads to
	Strangers func(int) bool // processes that are no kin, and neither is what descends from them

	mu       sync.Mutex
	sessions map[int]bool   // led by processes that were kin
	known    map[int]uint64 // processes that were kin, with their start: they stay it, whatever they do to their environment
}

// Member is a process, by its number and when it began.
type Member struct {
	Pid   int
	Start uint64
}

// Know adds a process that was proven to be kin in another way, and its session.
func (k *Kin) Know(pid int, start uint64, session int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begin()
	k.known[pid] = start
	if session == pid {
		k.sessions[session] = true
	}
}

// Knows tells whether a process was proven to be kin before.
func (k *Kin) Knows(pid int, start uint64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, ok := k.known[pid]
	return ok && known == start
}

func (k *Kin) begin() {
	if k.sessions == nil {
		k.sessions, k.known = map[int]bool{}, map[int]uint64{}
	}
}
