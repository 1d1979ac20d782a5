package osproc

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

const (
	// settle is how long after a SIGCHLD zombies are looked for: one look for all that end together.
	settle = 50 * time.Millisecond
	// courtesy is how long a zombie that may have been forked by this process, outside this package, is left to its owner.
	courtesy = 500 * time.Millisecond
	// later is how soon there is another look while there are zombies at all. The kernel's list of children may miss one.
	later = time.Second
)

// orphans reaps what descendants leave behind and the kernel hands to us. It is the loop's goroutine's alone.
type orphans struct {
	session  int
	next     time.Time       // when to look; zero is never
	suspects map[int]suspect // zombies that may be somebody's, by pid
}

// suspect is what was known at the first sight of a zombie.
type suspect struct {
	seen   time.Time
	start  uint64 // tells it from a younger one with its number
	ticket uint64 // of the latest fork of ours by then
}

// adopts is whether orphans are handed to this process.
func adopts() bool {
	if os.Getpid() == 1 {
		return true
	}
	var set int32
	_, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&set)), 0)
	return errno == 0 && set != 0
}

func newOrphans() *orphans {
	session, _ := unix.Getsid(0)
	return &orphans{session: session, suspects: map[int]suspect{}}
}

// due is how long until the next look; negative is never.
func (o *orphans) due() time.Duration {
	if o.next.IsZero() {
		return -1
	}
	return max(time.Until(o.next), 0)
}

// turn is called whenever the loop has woken; poked if a child may have ended.
func (o *orphans) turn(poked bool) {
	now := time.Now()
	switch soon := now.Add(settle); {
	case !o.next.IsZero() && !now.Before(o.next):
		o.next = o.sweep(now)
	case poked && (o.next.IsZero() || o.next.After(soon)):
		o.next = soon
	}
}

// sweep reaps, and answers when to look again.
func (o *orphans) sweep(now time.Time) time.Time {
	// The kernel shows any one zombie: without one there is nothing to list.
	if _, ended := pidfd.PeekAny(); !ended {
		clear(o.suspects)
		return time.Time{}
	}
	still := map[int]suspect{}
	for _, pid := range pidfd.Children(os.Getpid()) {
		if s, wait := o.bury(pid, now); wait {
			still[pid] = s
		}
	}
	o.suspects = still
	if len(still) > 0 {
		return now.Add(settle)
	}
	return now.Add(later)
}

// bury reaps one child of this process if it is a zombie that nobody will wait for, or answers that this is not known yet.
//
// What this package forks leads a session of its own, after the first instant, in which it is in ours; and so does what
// others here fork, or it stays in ours. A zombie in any other session is an orphan. For the rest: a child whose fork has
// returned is in the family; one whose fork had not begun when the zombie was first seen has another number, as that was
// taken. While the lock is held no fork begins or ends.
func (o *orphans) bury(pid int, now time.Time) (s suspect, wait bool) {
	family.Lock()
	defer family.Unlock()
	if family.children[pid] {
		return suspect{}, false
	}
	info, ok := ReadInfo(pid)
	if !ok || info.State != 'Z' || info.Parent != os.Getpid() {
		return suspect{}, false
	}
	if info.Session == pid || info.Session == o.session {
		s, seen := o.suspects[pid]
		if !seen || s.start != info.Start {
			s = suspect{now, info.Start, family.ticket}
		}
		if now.Sub(s.seen) < courtesy || forkedBefore(s.ticket) {
			return s, true
		}
	}
	_, _ = pidfd.ReapPid(pid)
	return suspect{}, false
}

// forkedBefore is whether a fork is in flight that had begun when the ticket was the latest. The caller holds family.
func forkedBefore(ticket uint64) bool {
	for fork := range family.inFlight {
		if fork <= ticket {
			return true
		}
	}
	return false
}
