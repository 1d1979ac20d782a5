package logs

import (
	"errors"
	"sync"
)

// packing is the compression of what was put aside: in one goroutine of low priority, which lives while there is something to do.
type packing struct {
	mu      sync.Mutex
	waiting []parcel
	works   sync.WaitGroup
	busy    bool
	over    chan struct{} // closed at the end
	ended   bool
}

// parcel is a log whose files are to be compressed, or, without a path, the indexes of which some may be of no use any more.
type parcel struct {
	path string
	how  Compression
}

// prune has the indexes removed whose files are gone.
func (q *packing) prune(p *Pump) { q.add(p, "", "") }

// add has what was put aside of a file compressed.
func (q *packing) add(p *Pump, path string, how Compression) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return
	}
	for _, other := range q.waiting {
		if other.path == path {
			return
		}
	}
	q.waiting = append(q.waiting, parcel{path, how})
	if q.busy {
		return
	}
	if q.over == nil {
		q.over = make(chan struct{})
	}
	q.busy = true
	q.works.Go(func() { q.work(p) })
}

func (q *packing) work(p *Pump) {
	lowly()
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 || q.ended {
			q.busy = false
			q.mu.Unlock()
			return
		}
		next := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		if next.path == "" {
			p.aside.prune()
			continue
		}
		if err := p.aside.compress(next.path, next.how, q.over); err != nil && !errors.Is(err, errOver) {
			p.tell(Trouble{next.path, unrotated, err})
		}
	}
}

// end ends it. What is not compressed then is when the file is put aside the next time.
func (q *packing) end() {
	q.mu.Lock()
	if !q.ended && q.over != nil {
		close(q.over)
	}
	q.ended = true
	q.mu.Unlock()
	q.works.Wait()
}
