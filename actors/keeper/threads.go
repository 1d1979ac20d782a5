package keeper

import (
	"runtime"
	"sync"
)

// spareThreads is how many threads a keeper has that it does not need as a rule.
const spareThreads = 4

// MakeThreads has the runtime make n threads while there are any to be had. It keeps them for ever, and does not survive that it needs
// one and the system has none: when a user or a container has reached its limit of processes, as a child that forks without end makes
// it. One that is idle has some 10 KiB.
func MakeThreads(n int) {
	var here sync.WaitGroup
	here.Add(n)
	leave := make(chan struct{})
	for range n {
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			here.Done()
			<-leave
		}()
	}
	here.Wait()
	close(leave)
}
