package child

import (
	"os"
	"time"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// A program that puts itself into the background may at once leave its session, close its output and overwrite its environment. What
// it descends from is to be seen only before: so it is watched while its first process lives.

const (
	// watchEvery is between two looks at first, watchLater after watchClosely.
	watchEvery   = 2 * time.Millisecond
	watchLater   = 50 * time.Millisecond
	watchClosely = time.Second
)

// program is what a process runs: the name that its zombie still has, and the file, nil where it was not seen.
type program struct {
	name string
	file os.FileInfo
}

// programOf looks twice at the name, so that name and file are of the same moment.
func programOf(pid int) program {
	name := pidfd.Name(pid)
	file, _ := pidfd.Program(pid)
	if pidfd.Name(pid) != name {
		file = nil
	}
	return program{name, file}
}

// witness notes what comes of the first process of a program that daemonizes itself, until that has ended.
func (t *Table) witness(r *run) {
	l, ok := t.parent.whole(r).(*tree)
	if !ok || !l.exact {
		return
	}
	t.mu.Lock()
	leader, started := r.process.Pid(), time.Now()
	t.mu.Unlock()
	for seen := map[int]uint64{}; ; {
		info, lives := pidfd.ReadInfo(leader)
		if !lives || info.Start != l.kin.Start || info.Ended() {
			return
		}
		if file := programOf(leader); file.file != nil {
			t.mu.Lock()
			r.service.runs = file
			t.mu.Unlock()
		}
		l.watch(leader, seen)
		t.noteKin(r, l.kin)
		pause := watchEvery
		if time.Since(started) > watchClosely {
			pause = watchLater
		}
		look := time.NewTimer(pause)
		select {
		case <-look.C:
		case <-r.hurry:
			look.Stop()
			return
		}
	}
}

// lastLook is right behind the end of a main process, for what has turned up since the look before.
func (t *Table) lastLook(r *run) {
	if l, ok := t.parent.whole(r).(*tree); ok && l.exact {
		t.mu.Lock()
		leader := r.process.Pid()
		t.mu.Unlock()
		l.watch(leader, map[int]uint64{})
		t.noteKin(r, l.kin)
	}
}

// watch makes everything known that descends from a process, and what has lost its parent and still tells where it comes from.
func (l *tree) watch(leader int, seen map[int]uint64) {
	if failpoint.At("service.watch") != nil {
		return
	}
	queue := []int{leader}
	for len(queue) > 0 {
		parent := queue[0]
		queue = queue[1:]
		for _, pid := range pidfd.Children(parent) {
			if info, ok := pidfd.ReadInfo(pid); ok && info.Parent == parent && info.Start >= l.kin.Start {
				l.kin.Know(pid, info.Start, info.Session)
				queue = append(queue, pid)
			}
		}
	}
	orphans, _ := l.kept.parentless()
	mine := l.kept.table.mark(l.run.id)[len(markVariable)+1:]
	for _, pid := range orphans {
		info, ok := pidfd.ReadInfo(pid)
		if !ok || info.Ended() || info.Start < l.kin.Start || seen[pid] == info.Start || info.Parent != l.kept.self {
			continue
		}
		mark, marked := pidfd.Environ(pid, markVariable)
		if info.Session == leader || marked && mark == mine {
			l.kin.Know(pid, info.Start, info.Session)
		}
		seen[pid] = info.Start
	}
}
