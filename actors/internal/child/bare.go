package child

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
	"github.com/dcousineau/phorever/actors/keeper"
)

// What bears nothing of the run that it came from outlives that. It is the keeper's child by then, and ends with the daemon.

const (
	// barePatience is how long such processes may take to obey TERM.
	barePatience = 2 * time.Second
	// bareLast is when those are left behind that nothing ends: they are in a call that cannot be interrupted.
	bareLast = 10 * time.Second
)

// beganText is by which name the keeper remembers what began says.
const beganText = "began"

// began is when the first daemon of a keeper began, in ticks since boot: what is older came with the keeper, from the program in whose
// place it is, and is none of our business. 0 where there was such a thing: what that leaves behind looks like anything else.
func began(i keeper.Inheritance, link *keeper.Link) uint64 {
	if at, err := strconv.ParseUint(i.Texts[beganText], 10, 64); err == nil {
		return at
	}
	me, _ := pidfd.ReadInfo(os.Getpid())
	at := me.Start
	if i.Generation == 1 && slices.ContainsFunc(i.Unknown, func(c keeper.Child) bool { return !c.Zombie }) {
		at = 0
	}
	link.Remember(beganText, strconv.FormatUint(at, 10))
	return at
}

// bare are the processes that lost their parent and are left when nothing runs any more. All in a container go with its first process.
func (k *kept) bare() (all []osproc.Member) {
	if k.began == 0 && k.self != 1 {
		return nil
	}
	orphans, _ := k.parentless()
	for _, pid := range orphans {
		info, ok := pidfd.ReadInfo(pid)
		if ok && !info.Ended() && info.Parent == k.self && (info.Start >= k.began || k.self == 1) {
			all = append(all, osproc.Member{Pid: pid, Start: info.Start})
		}
	}
	return all
}

// EndBare ends what bears nothing of the run that it came from. Every run must have ended. It answers how many there were, and how many
// of them nothing could end.
func (t *Table) EndBare() (ended, left int) {
	k, ok := t.parent.(*kept)
	if !ok {
		return 0, 0
	}
	began, asked := time.Now(), map[osproc.Member]bool{}
	for pause := time.Millisecond; ; pause = min(pause*2, longestPause) {
		all := k.bare()
		if len(all) == 0 || time.Since(began) > bareLast {
			return len(asked), len(all)
		}
		for _, m := range all { // one that ends leaves to us what it has started
			if !asked[m] {
				asked[m] = true
				_ = m.Signal(syscall.SIGTERM)
				_ = m.Signal(syscall.SIGCONT) // or it would not hear
			}
			if time.Since(began) > barePatience {
				_ = m.Signal(syscall.SIGKILL)
			}
		}
		<-time.After(pause)
	}
}
