package osproc

import (
	"slices"
	"sync"
)

// Kin says by what the processes of one run are known, wherever they have moved. Its methods are safe for concurrent use.
type Kin struct {
	Leader    int            // pid of the first process: its session and its group are named so; 0 for none. See Leaderless
	Start     uint64         // when it began: older processes are no kin
	Mark      string         // "NAME=VALUE" in the environment of all that it starts; "" for none
	Outputs   []string       // FIFOs that their standard output leads to
	Strangers func(int) bool // processes that are no kin, and neither is what descends from them

	mu       sync.Mutex
	sessions map[int]uint64 // led by processes that were kin, with the start of these
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
		k.sessions[session] = start
	}
}

// Leaderless says that the number of the first process may be anybody's from now on: that has ended, and nothing is left of its session
// and its group.
func (k *Kin) Leaderless() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begin()
	delete(k.sessions, k.Leader)
	k.Leader = 0
}

// Knows tells whether a process was proven to be kin before.
func (k *Kin) Knows(pid int, start uint64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, ok := k.known[pid]
	return ok && known == start
}

// Known are the processes that were proven to be kin, by their numbers; they may have ended since.
func (k *Kin) Known() (all []Member) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for pid, start := range k.known {
		all = append(all, Member{pid, start})
	}
	slices.SortFunc(all, func(a, b Member) int { return a.Pid - b.Pid })
	return all
}

func (k *Kin) begin() {
	if k.sessions == nil {
		k.sessions, k.known = map[int]uint64{}, map[int]uint64{}
	}
}
