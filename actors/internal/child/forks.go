package child

import "sync"

// forks are those under way: the number of such a child is not known yet, though it lives.
type forks struct {
	mu       sync.Mutex
	inFlight map[chan struct{}]bool
	stopped  bool
}

// begin comes before a fork; the channel is closed by end, when the child is known by its number. ok is false when there may be no
// more forks.
func (f *forks) begin() (fork chan struct{}, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return nil, false
	}
	if f.inFlight == nil {
		f.inFlight = map[chan struct{}]bool{}
	}
	fork = make(chan struct{})
	f.inFlight[fork] = true
	return fork, true
}

// stop lets no more forks begin. Those that are under way have come back when it returns.
func (f *forks) stop() {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	f.wait()
}

func (f *forks) end(fork chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.inFlight, fork)
	close(fork)
}

// wait returns when all forks that are under way now have come back, and whether there were any.
func (f *forks) wait() bool {
	f.mu.Lock()
	all := make([]chan struct{}, 0, len(f.inFlight))
	for fork := range f.inFlight {
		all = append(all, fork)
	}
	f.mu.Unlock()
	for _, fork := range all {
		<-fork
	}
	return len(all) > 0
}
