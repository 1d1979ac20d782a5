package keeper

import (
	"errors"
	"os"
	"time"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

const (
	// settle is how long after something that may have left orphans they are looked for: one look for all of them.
	settle = 50 * time.Millisecond
	// sweepEvery is how often orphans are looked for that nothing told of.
	sweepEvery = 10 * time.Second
	// mostStrays is how many are told; whoever hears of one looks for itself.
	mostStrays = 1000
)

// reserve notes a fork that follows, announced at a time since boot.
func (k *keeper) reserve(id string, at time.Duration) {
	_ = failpoint.At("keeper.reserve")
	k.awaited[id] = at
}

func (k *keeper) cancel(id string) {
	delete(k.awaited, id)
	k.sweepSoon()
}

// add takes the process of a run. A child of ours that is not reaped keeps its pid, so that it cannot be mistaken; of one that
// is not our child nothing is ever reaped.
func (k *keeper) add(id string, pid int, start uint64, foreign bool) {
	_ = failpoint.At("keeper.add")
	delete(k.awaited, id)
	if r := k.runs[id]; r != nil && (r.pid != pid || r.start != start) {
		k.reap(id) // a program that daemonizes itself: its first process is done
	}
	r := &run{id: id, pid: pid, start: start, foreign: foreign}
	k.runs[id], k.mains[pid] = r, r
}

// peek tells how the process of a run has ended, and leaves the zombie.
func (k *keeper) peek(id string) {
	r := k.runs[id]
	if r == nil || r.foreign {
		k.tellExit(id, 0, pidfd.Status{Lost: true})
		return
	}
	switch status, ended, err := pidfd.PeekPid(r.pid); {
	case err != nil:
		k.tellExit(id, r.pid, pidfd.Status{Lost: true})
	case ended:
		k.tellExit(id, r.pid, status)
	default: // a debugger has it
		k.after(settle, func() {
			if k.runs[id] == r {
				k.peek(id)
			}
		})
	}
}

func (k *keeper) tellExit(id string, pid int, s pidfd.Status) {
	flag := func(b bool) int64 {
		if b {
			return 1
		}
		return 0
	}
	k.send(message{word: exit, texts: []string{id}, file: -1, numbers: []int64{
		int64(pid), int64(s.Code), int64(s.Signal), flag(s.Core), flag(s.Lost), int64(s.User), int64(s.System), s.MaxRSS,
	}})
}

// reap ends a run for good: the zombie goes, and its pid with it. One that the daemon does not care for any more and that has
// not ended is an orphan from now on.
func (k *keeper) reap(id string) {
	r := k.runs[id]
	if r == nil {
		return
	}
	_ = failpoint.At("keeper.reap")
	delete(k.runs, id)
	if k.mains[r.pid] == r {
		delete(k.mains, r.pid)
	}
	if !r.foreign {
		if _, ended := pidfd.ReapPid(r.pid); !ended {
			k.sweepSoon()
		}
		_ = failpoint.At("keeper.reaped")
	}
}

// named tells whether a child is the main process of a run, or the daemon.
func (k *keeper) named(pid int) bool { return k.mains[pid] != nil || pid == k.daemon.pid }

// noteEndsOn notes ends for as long as no daemon hears of them.
func (k *keeper) noteEndsOn() {
	if !k.noting {
		k.noting = true
		k.noteLater()
	}
}

func (k *keeper) noteLater() {
	k.after(settle, func() {
		if k.noting = k.daemon.deaf(); k.noting {
			k.noteEnds()
			k.noteLater()
		}
	})
}

// noteEnds notes which runs have ended: a daemon that hears of it later would take them for having lived until then.
func (k *keeper) noteEnds() {
	if _, ended := pidfd.PeekAny(); !ended {
		return
	}
	now := pidfd.SinceBoot()
	for _, r := range k.runs {
		if r.foreign || r.ended != 0 {
			continue
		}
		if _, ended, err := pidfd.PeekPid(r.pid); ended && err == nil {
			r.ended = now
		}
	}
}

// strays are our living children that no run has named. Zombies leave the kernel's list only when we reap them, so that
// none is overlooked while it is read.
func (k *keeper) strays() []int64 {
	var all []int64
	until := k.heard()
	for _, pid := range k.forker.orphans() {
		if k.named(pid) {
			continue
		}
		info, err := pidfd.Look(pid)
		switch { // one that we cannot look at lives, for all we know
		case errors.Is(err, pidfd.ErrGone) || info.State == 'X':
		case info.State == 'Z': // whoever is told that nothing is left will find nothing left
			if !k.bury(pid, info.Start, until) {
				k.sweepSoon()
			}
		default:
			if all = append(all, int64(pid)); len(all) == mostStrays {
				return all
			}
		}
	}
	return all
}

// answerLooks tells the strays to all who asked, when everything was heard that was said before they asked.
func (k *keeper) answerLooks() {
	if len(k.looking) == 0 {
		return
	}
	found := k.strays()
	for _, id := range k.looking {
		k.send(message{word: strays, texts: []string{id}, numbers: found, file: -1})
	}
	k.looking = nil
}

// sweepSoon looks for orphans that have ended, once for many.
func (k *keeper) sweepSoon() {
	if k.sweeping {
		return
	}
	k.sweeping = true
	k.after(settle, func() {
		k.sweeping = false
		k.sweep()
	})
}

// sweepOn sweeps for as long as this process lives.
func (k *keeper) sweepOn() {
	k.sweep()
	k.after(sweepEvery, k.sweepOn)
	time.AfterFunc(settle, DropText) // nothing else happens for most of the time
}

// attend hears of every child that ends from now on, or only of those that it looks at. Most are main processes, of which the
// daemon knows already: so SIGCHLD is heard only while there are orphans, and always by the first process of a container,
// whose orphans come from everywhere.
func (k *keeper) attend() {
	k.children.hear(true) // before the look: one that ends behind it is told
	if len(k.forker.orphans()) == 0 && os.Getpid() != 1 {
		k.children.hear(false)
	}
}

// sweep reaps the zombies that are nobody's.
func (k *keeper) sweep() {
	k.attend()
	// The kernel shows any one zombie: without one there is nothing to list.
	if _, ended := pidfd.PeekAny(); !ended {
		return
	}
	again, until := false, k.heard()
	for _, pid := range pidfd.Children(os.Getpid()) {
		if k.named(pid) {
			continue
		}
		if info, ok := pidfd.ReadInfo(pid); ok && info.State == 'Z' {
			again = !k.bury(pid, info.Start, until) || again
		}
	}
	if again {
		k.sweepSoon()
	}
}

// bury reaps a zombie that no run has named, unless it may be a fork of the daemon's that has not come back: such a one began
// after it was announced, and every fork that began before until was announced to us.
func (k *keeper) bury(pid int, start uint64, until time.Duration) bool {
	latest := pidfd.Latest(start)
	if latest > until {
		return false
	}
	for _, announced := range k.awaited {
		if announced <= latest {
			return false
		}
	}
	_, _ = pidfd.ReapPid(pid)
	return true
}

// heard is until when we have heard everything that the daemon has said, as a time since boot.
func (k *keeper) heard() time.Duration {
	now := pidfd.SinceBoot()
	if !k.hearing && (k.daemon.socket < 0 || !readable(k.daemon.socket)) {
		k.heardUntil = now
	}
	return k.heardUntil
}
