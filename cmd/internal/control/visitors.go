package control

import (
	"container/list"
	"net"
	"net/http"
	"sync"

	"golang.org/x/sys/unix"
)

// visitors are the connections that are open. There are never more of them than leave the daemon the descriptors that it needs
// for its processes: for one more, the oldest that asks for nothing has to go; if all ask for something, whoever comes waits.
type visitors struct {
	most int

	mu    sync.Mutex
	left  *sync.Cond // somebody has gone, or is done
	all   map[net.Conn]*list.Element
	quiet *list.List // those that ask for nothing, oldest first
	over  bool
}

// Of how many descriptors there may be, at most one in fewOf is a visitor's.
const (
	fewOf        = 4
	fewVisitors  = 16
	manyVisitors = 512
)

func newVisitors() *visitors {
	most := manyVisitors
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur < manyVisitors*fewOf {
		most = max(fewVisitors, int(limit.Cur)/fewOf)
	}
	v := &visitors{most: most, all: map[net.Conn]*list.Element{}, quiet: list.New()}
	v.left = sync.NewCond(&v.mu)
	return v
}

// room returns when there may be one more.
func (v *visitors) room() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.all) >= v.most && !v.over {
		if oldest := v.quiet.Front(); oldest != nil {
			connection := oldest.Value.(net.Conn)
			v.forget(connection)
			_ = connection.Close()
			continue
		}
		v.left.Wait()
	}
}

// close lets nobody wait any more.
func (v *visitors) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.over = true
	v.left.Broadcast()
}

// state follows one connection; the HTTP server tells.
func (v *visitors) state(connection net.Conn, state http.ConnState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch state {
	case http.StateNew, http.StateIdle:
		v.forget(connection)
		v.all[connection] = v.quiet.PushBack(connection)
	case http.StateActive:
		v.forget(connection)
		v.all[connection] = nil
		return
	case http.StateClosed, http.StateHijacked:
		v.forget(connection)
	}
	v.left.Broadcast()
}

// forget takes a connection out. The caller holds mu.
func (v *visitors) forget(connection net.Conn) {
	if place := v.all[connection]; place != nil {
		v.quiet.Remove(place)
	}
	delete(v.all, connection)
}
