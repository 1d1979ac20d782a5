package child

import (
	"sync"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// walks lets all who look for kin at the same time share one walk through /proc.
type walks struct {
	mu      sync.Mutex
	waiting []walk
	walking bool
}

type walk struct {
	kin   *osproc.Kin
	found chan sighting
}

// sighting is what a walk has found. It is whole if every process could be looked at.
type sighting struct {
	members []osproc.Member
	whole   bool
}

// find is what a walk finds that begins after the call.
func (w *walks) find(kin *osproc.Kin) sighting {
	mine := walk{kin, make(chan sighting, 1)}
	w.mu.Lock()
	w.waiting = append(w.waiting, mine)
	if !w.walking {
		w.walking = true
		go w.walk()
	}
	w.mu.Unlock()
	return <-mine.found
}

func (w *walks) walk() {
	for {
		w.mu.Lock()
		all := w.waiting
		w.waiting = nil
		w.walking = len(all) > 0
		w.mu.Unlock()
		if len(all) == 0 {
			return
		}
		kins := make([]*osproc.Kin, len(all))
		for i, one := range all {
			kins[i] = one.kin
		}
		found, whole := osproc.FindAll(kins)
		for i := range all {
			all[i].found <- sighting{found[i], whole}
		}
	}
}
