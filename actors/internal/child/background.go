package child

import (
	"slices"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// The first process of a program that puts itself into the background leaves; its pid file may come much later. Whoever kills the keeper
// meanwhile makes what is in the background the init's, which reaps the first process, and nothing tells of it then what it has hidden.

// noteKin writes down what is known to be of a program whose main process is not known yet.
func (t *Table) noteKin(r *run, kin *osproc.Kin) {
	known := kin.Known()
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.service.found || slices.Equal(known, r.saved.Known) {
		return
	}
	r.saved.Known = known
	t.save(r)
}

// knowBackground makes known what hides where it comes from and can only be of this run, as long as that can be told.
func (l *tree) knowBackground() {
	mine, _ := l.background()
	for _, m := range mine {
		l.know(m)
	}
	l.kept.table.noteKin(l.run, l.kin)
}

// know makes a process known that lives.
func (l *tree) know(m osproc.Member) {
	if info, ok := pidfd.ReadInfo(m.Pid); ok && info.Start == m.Start {
		l.kin.Know(m.Pid, m.Start, info.Session)
	}
}

func lives(m osproc.Member) bool {
	info, ok := pidfd.ReadInfo(m.Pid)
	return ok && info.Start == m.Start && !info.Ended()
}

// takeRest takes a run back whose main process is gone, as that of a program which daemonizes itself may be, if anything of it lives:
// the one to go on with is looked for as if that had just ended. How it ended is known to nobody.
func (v *recovery) takeRest(id RunID, s saved) bool {
	if s.Daemonizes == nil || s.Pid == 0 {
		return false
	}
	v.findMarks()
	if len(v.marks[id]) == 0 && !slices.ContainsFunc(s.Known, lives) {
		return false
	}
	t := v.table
	r := &run{id: id, plan: Plan{Leftover: s.Leftover}, hurry: make(chan struct{}), saved: s, foreign: true}
	r.process = osproc.Past(s.Pid, s.Start)
	r.service = &service{Daemonizes: *s.Daemonizes, since: time.Now(), began: s.Start, found: s.Pid != s.Leader}
	v.knowSaved(r).kin.Leaderless()
	t.runs[id], t.services[id] = r, r
	t.taken++
	v.rejoin(r)
	v.o.Link.Del(id.String())
	t.found = append(t.found, Recovered{ID: id, Pid: s.Pid, Since: pidfd.StartedAt(s.Start), Replaceable: true})
	t.save(r)
	if r.service.found {
		r.last = Spawned{ID: id, Pid: s.Pid, At: pidfd.StartedAt(s.Start), Ready: true}
	}
	go t.mainEnded(r, ending{status: osproc.Status{Lost: r.service.found}})
	return true
}

// knowSaved makes known again what was written down.
func (v *recovery) knowSaved(r *run) *tree {
	l := v.kept.tree(r)
	for _, m := range r.saved.Known {
		l.know(m)
	}
	return l
}
