package child

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// A process that bears nothing of where it came from, and has lost its parent to the keeper, may be what a program left in the
// background, of whichever run; or, where the keeper is the first process of a container, a stranger who has entered that. Whose it is
// follows from when it began, as whom it runs, and what.

// origin is what is known of where such a process came from.
type origin int

const (
	elsewhere origin = iota // it is not of the run
	doubtful                // it may be of the run, and of something else
	ours
)

// errDoubtful is wrapped by every reason for which nothing may be started beside what runs.
var errDoubtful = errors.New("no copy is started beside it")

// Doubtful tells whether a run has failed because something runs that may be of it: another one might be a second copy.
func Doubtful(err error) bool { return errors.Is(err, errDoubtful) }

// lateTicks is how much later than the end of the first process something may have begun that is still not taken for a stranger: 1 s.
const lateTicks = 100

// origin judges a process. named is whether the pid file of the run names it.
func (l *tree) origin(pid int, info pidfd.Info, named bool) origin {
	t, r := l.kept.table, l.run
	t.mu.Lock()
	until, heir := r.service.until, r.service.found
	t.mu.Unlock()
	if !l.exact || info.Ended() || info.Parent != l.kept.self || info.Start < l.kin.Start || info.Start > until+lateTicks || l.kin.Strangers(pid) {
		return elsewhere
	}
	if _, marked := pidfd.Environ(pid, markVariable); marked || len(l.kept.unexplained(r, []int{pid})) == 0 {
		return elsewhere
	}
	same, mine := l.runsTheSame(pid), r.owner()
	owner, ok := pidfd.Owner(pid)
	switch {
	case !ok || owner != mine && (mine != 0 || !same): // a program that was started as root may have given that up
		return elsewhere
	case info.Start > until && (heir || !same):
		return elsewhere
	case info.Start > until: // it may have been forked twice
		return doubtful
	case same && !named && t.rivals(r, info.Start):
		return doubtful
	case same:
		return ours
	case heir || l.kept.self == 1 || l.kept.began == 0 || t.others(r, info.Start, owner):
		return doubtful
	}
	return ours
}

// runsTheSame tells whether a process runs the program that the main process of the run did, which is a zombie by now.
func (l *tree) runsTheSame(pid int) bool {
	t := l.kept.table
	t.mu.Lock()
	main, known := l.run.process.Pid(), l.run.service.runs
	t.mu.Unlock()
	name := pidfd.Name(main)
	file, path := pidfd.Program(pid)
	if known.file != nil && known.name == name && file != nil {
		return os.SameFile(known.file, file)
	}
	const longest = 15 // bytes, in the kernel
	base := filepath.Base(path)
	return name != "" && (pidfd.Name(pid) == name || base[:min(len(base), longest)] == name)
}

// owner is the user that the run was started as.
func (r *run) owner() uint32 {
	if r.saved.User != 0 {
		return r.saved.User
	}
	return uint32(os.Geteuid())
}

// rivals tells whether the main process of another program that daemonizes itself is still looked for, and may be one that began at
// start.
func (t *Table) rivals(r *run, start uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, other := range t.services {
		s := other.service
		if other != r && !s.found && s.failed == nil && other.process != nil && other.saved.Start <= start && (s.until == 0 || start <= s.until) {
			return true
		}
	}
	return false
}

// life is when a run lived, and as whom.
type life struct {
	from, until uint64
	owner       uint32
}

// others tells whether another run lived at a time that may have started a process of this owner.
func (t *Table) others(r *run, at uint64, owner uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, other := range t.runs {
		if other != r && other.process != nil && other.began() <= at && (other.owner() == owner || other.owner() == 0) {
			return true
		}
	}
	for _, past := range t.past {
		if past.from <= at && at <= past.until && (past.owner == owner || past.owner == 0) {
			return true
		}
	}
	return false
}

// began is when the first process of the run did. The caller holds t.mu.
func (r *run) began() uint64 {
	if r.service != nil {
		return r.service.began
	}
	return r.saved.Start
}

// remember keeps when a run lived, for as long as somebody may ask. The caller holds t.mu.
func (t *Table) remember(r *run) {
	oldest, asks := uint64(0), false
	for _, other := range t.services {
		if s := other.service; !s.found && other.process != nil && (!asks || s.began < oldest) {
			oldest, asks = s.began, true
		}
	}
	if !asks {
		t.past = nil
		return
	}
	t.past = slices.DeleteFunc(t.past, func(l life) bool { return l.until < oldest })
	if r.process != nil {
		t.past = append(t.past, life{r.began(), pidfd.Ticks(time.Now()), r.owner()})
	}
}

// background are the processes that bear nothing of the run and were left in the background by it, or may have been.
func (l *tree) background() (mine, doubt []osproc.Member) {
	orphans, _ := l.kept.parentless()
	for _, pid := range orphans {
		info, ok := pidfd.ReadInfo(pid)
		if !ok || l.kin.Knows(pid, info.Start) {
			continue
		}
		switch l.origin(pid, info, false) {
		case ours:
			mine = append(mine, osproc.Member{Pid: pid, Start: info.Start})
		case doubtful:
			doubt = append(doubt, osproc.Member{Pid: pid, Start: info.Start})
		case elsewhere:
		}
	}
	return mine, doubt
}

// gather makes everything known that a program left in the background which is of no use, so that it is ended with the rest. What may
// be of somebody else is left alone; the error says so, and nothing of the clone is started while it lives.
func (t *Table) gather(r *run) error {
	l, ok := t.parent.whole(r).(*tree)
	if !ok {
		return nil
	}
	mine, doubt := l.background()
	for _, m := range mine {
		l.know(m)
	}
	if len(doubt) == 0 {
		return nil
	}
	t.mu.Lock()
	t.doubts[r.id.Clone] = doubt
	t.mu.Unlock()
	return doubtOf(doubt[0].Pid)
}

func doubtOf(pid int) error {
	return fmt.Errorf("process %d (%s) may be what it left in the background, or of something else: it is left alone, and %w", pid, pidfd.Name(pid), errDoubtful)
}

// doubted is the error of gather for as long as what it is about lives, and nobody was found whose it is.
func (t *Table) doubted(clone string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.doubts[clone] {
		if lives(m) && t.pids[m.Pid] == nil {
			return doubtOf(m.Pid)
		}
	}
	delete(t.doubts, clone)
	return nil
}
