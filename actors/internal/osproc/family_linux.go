package osproc

import (
	"sync"

	"golang.org/x/sys/unix"
)

// family is every child of ours that is not reaped, and the forks in flight, whose children have no number yet: whoever
// reaps orphans must know what is none.
var family struct {
	sync.Mutex
	ticket   uint64
	inFlight map[uint64]bool
	children map[int]bool
}

// forkBegins must come before a fork, forkEnded after it: with the number of the child, or 0 if there is none of ours.
func forkBegins() (ticket uint64) {
	family.Lock()
	defer family.Unlock()
	if family.inFlight == nil {
		family.inFlight, family.children = map[uint64]bool{}, map[int]bool{}
	}
	family.ticket++
	family.inFlight[family.ticket] = true
	return family.ticket
}

func forkEnded(ticket uint64, child int) {
	family.Lock()
	defer family.Unlock()
	delete(family.inFlight, ticket)
	if child != 0 {
		family.children[child] = true
	}
}

// collect reaps a child. The lock lasts until its number is struck off: it may be a younger child's right away.
func (p *Process) collect() (ended bool, err error) {
	family.Lock()
	defer family.Unlock()
	_, ended, err = p.wait(unix.WNOHANG)
	if (ended || err != nil) && p.ours {
		delete(family.children, p.pid)
	}
	return ended, err
}
