package child

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
	"github.com/dcousineau/phorever/actors/internal/logs"
	"github.com/dcousineau/phorever/actors/internal/osproc"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
	"github.com/dcousineau/phorever/actors/keeper"
)

// Kept is how a table lives with a keeper.
type Kept struct {
	Link        *keeper.Link
	Inheritance keeper.Inheritance
	Life        keeper.Life
	Key         string            // of the configuration: the first part of a run's mark
	Directory   string            // for what must outlive this process, 0700, on a tmpfs where there is one
	Saving      Saving            // where it is written down which processes there are
	Saved       map[string][]byte // and what an earlier daemon has written there
	Index       string            // for the indexes of logs, "" for none
	Owner       int               // of the configuration: his symbolic links to logs are followed too
	Clean       bool              // the earlier one has ended in order: nothing is left of it
	Unsaid      func(string)      // what is to be said of the state that was found
	Words       *os.File          // where the runtime says what this process dies of, nil for nowhere
	Starting    func()            // called for each start, and must not block
}

// kept is a keeper as the parent: it sees whole trees, for it is their subreaper.
type kept struct {
	table   *Table
	link    *keeper.Link
	loop    *osproc.Loop
	self    int    // the keeper's pid
	began   uint64 // see began
	orphans *keeper.Orphans

	mu    sync.Mutex
	looks map[string][]chan []int // who waits for the strays, by run
}

// NewKeptTable makes a table whose processes are the keeper's, and takes back those that an earlier daemon has left.
func NewKeptTable(o Kept) (*Table, error) {
	osproc.HandleIgnored()
	shelter := &logs.Shelter{
		Directory: o.Directory, Let: o.Link.Let,
		Hold: o.Link.Hold, Keep: o.Link.Keep, Owner: o.Owner,
	}
	pump, err := logs.NewPump(shelter)
	if err != nil {
		return nil, fmt.Errorf("log pump: %w", err)
	}
	if ignored := pump.Ignored(); ignored != "" {
		o.Unsaid(ignored)
	}
	if o.Index != "" {
		if err := pump.SetIndex(o.Index); err != nil {
			o.Unsaid(fmt.Sprintf("logs have no index of times and clones: %v", err))
		}
	}
	loop, err := osproc.NewLoop()
	if err != nil {
		pump.Close()
		return nil, fmt.Errorf("process loop: %w", err)
	}
	t := makeTable(pump, o.Saving, o.Key, o.Words)
	t.starting = o.Starting
	k := &kept{
		table: t, link: o.Link, loop: loop, self: o.Inheritance.Keeper, orphans: keeper.OrphansOf(o.Inheritance.Keeper), looks: map[string][]chan []int{},
	}
	k.began = began(o.Inheritance, o.Link)
	t.parent = k
	if err := newRecovery(t, k, o).run(); err != nil {
		return nil, err // nothing is closed, which would end what the streams are about: whoever comes next goes on with them
	}
	o.Link.Serve(k, o.Life)
	return t, nil
}

func (*kept) cloneflags() uintptr { return osproc.CloneParent }

func (k *kept) reserve(r *run) error {
	k.link.Reserve(r.id.String())
	return nil
}

func (k *kept) announce() { k.link.Flush() }

func (k *kept) started(r *run, p *osproc.Process) {
	k.link.Add(r.id.String(), p.Pid(), p.StartTime(), r.foreign)
}

func (k *kept) failed(r *run) { k.link.Cancel(r.id.String()) }

func (k *kept) close() {
	k.loop.Close()
	k.link.Flush()
}

func (k *kept) watch(r *run) error {
	process := r.process
	if k.loop.Watch(process, func(osproc.Status) { k.ended(r, process, time.Now()) }) != nil {
		k.poll(r, process)
	}
	return nil
}

// poll looks every now and then at a process that the kernel does not let us watch: it has no memory for that.
func (k *kept) poll(r *run, process *osproc.Process) {
	time.AfterFunc(longestPause, func() {
		if process.Ended() {
			k.ended(r, process, time.Now())
		} else {
			k.poll(r, process)
		}
	})
}

// release has the keeper reap: the number of the process may be anybody's from then on.
func (k *kept) release(r *run) {
	if r.process != nil {
		_ = failpoint.At("end.noted")
		k.link.Del(r.id.String())
		_ = failpoint.At("end.released")
		r.process.Reaped()
	}
}

const (
	// recall is how often, and memory for how long, the kernel is asked how a process ended that is not the keeper's child: it
	// knows when its parent has reaped it.
	recall = 5 * time.Millisecond
	memory = time.Second
)

// ended is called when the descriptor of a main process says that it has ended. How, is to be seen at the zombie, which is
// faster than to ask its parent.
func (k *kept) ended(r *run, process *osproc.Process, since time.Time) {
	k.table.mu.Lock()
	current, foreign := r.process == process, r.foreign
	k.table.mu.Unlock()
	if !current {
		return
	}
	if status, ok := process.Exact(); ok {
		k.tell(r, process, status)
		return
	}
	if !foreign {
		k.link.Peek(r.id.String())
		return
	}
	status, ok := process.Recall()
	if !ok && time.Since(since) < memory {
		time.AfterFunc(recall, func() { k.ended(r, process, since) })
		return
	}
	k.tell(r, process, status)
}

// Exited is called by the link.
func (k *kept) Exited(id string, exit keeper.Exit) {
	known, ok := parseRunID(id)
	if !ok {
		return
	}
	k.table.mu.Lock()
	r := k.table.runs[known]
	var process *osproc.Process
	if r != nil {
		process = r.process
	}
	k.table.mu.Unlock()
	if process == nil || process.Pid() != exit.Pid && exit.Pid != 0 {
		return
	}
	k.tell(r, process, osproc.Status{
		Code: exit.Code, Signal: exit.Signal, Core: exit.Core, Lost: exit.Lost, User: exit.User, System: exit.System, MaxRSS: exit.MaxRSS,
	})
}

// tell hands the end on with the orphans of now: where there are none, nothing of a dead process's tree is left, for with its
// death they would have become the keeper's.
func (k *kept) tell(r *run, process *osproc.Process, status osproc.Status) {
	k.table.mu.Lock()
	told := r.process != process || r.told == process
	r.told = process
	exact := !r.foreign && !status.Lost
	k.table.mu.Unlock()
	if told {
		return
	}
	end := ending{status: status}
	if exact {
		end.strays, end.exact = k.parentless()
	}
	k.table.mainEnded(r, end)
}

// Strays is called by the link.
func (k *kept) Strays(id string, pids []int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, waiting := range k.looks[id] {
		waiting <- pids
	}
	delete(k.looks, id)
}

// answerWithin is how long the keeper may take to answer before it is looked for without it.
const answerWithin = 2 * time.Second

// strays asks the keeper. ok is false when it does not answer.
func (k *kept) strays(r *run) (pids []int, ok bool) {
	answer := make(chan []int, 1)
	id := r.id.String()
	k.mu.Lock()
	k.looks[id] = append(k.looks[id], answer)
	k.mu.Unlock()
	k.link.Look(id)
	timer := time.NewTimer(answerWithin)
	defer timer.Stop()
	select {
	case pids = <-answer:
		return pids, true
	case <-timer.C:
		return nil, false
	}
}

// unexplained are the strays that may be of the run: those that are no main process of another, and do not carry the mark of
// another that lives.
func (k *kept) unexplained(r *run, pids []int) []int {
	rest := k.withoutMains(pids)
	if len(rest) > 0 && k.table.forks.wait() { // a child that was being forked has its name now
		rest = k.withoutMains(rest)
	}
	mine := k.table.mark(r.id)[len(markVariable)+1:]
	var all []int
	for _, pid := range rest {
		mark, ok := pidfd.Environ(pid, markVariable)
		if !ok || mark == mine || !k.table.marks(mark) {
			all = append(all, pid)
		}
	}
	return all
}

// parentless are the processes that have no parent but the keeper, and are no main process of ours.
func (k *kept) parentless() (pids []int, ok bool) {
	all, ok := k.orphans.Read()
	if len(all) > 0 {
		all = k.withoutMains(all)
	}
	return all, ok
}

func (k *kept) withoutMains(pids []int) []int {
	t := k.table
	t.mu.Lock()
	defer t.mu.Unlock()
	var rest []int
	for _, pid := range pids {
		if t.pids[pid] == nil && pid != os.Getpid() {
			rest = append(rest, pid)
		}
	}
	return rest
}

// marks tells whether a mark is that of a run in the table.
func (t *Table) marks(mark string) bool {
	if len(mark) <= len(t.key) || mark[:len(t.key)] != t.key {
		return false
	}
	id, ok := parseRunID(mark[len(t.key)+1:])
	t.mu.Lock()
	defer t.mu.Unlock()
	return ok && t.runs[id] != nil
}

func (k *kept) leave(r *run, end ending) (kin, error) {
	if r.cgroup == nil && end.exact && len(k.unexplained(r, end.strays)) == 0 {
		return nil, nil
	}
	left := k.tree(r)
	if !left.alive() {
		return nil, nil
	}
	return left, nil
}

func (k *kept) whole(r *run) kin { return k.tree(r) }

func (k *kept) tree(r *run) *tree {
	return &tree{kept: k, run: r, kin: k.kinOf(r), cgroup: r.cgroup, exact: !r.foreign}
}

// kinOf is by what the processes of a run are known. Most runs end without anybody asking.
func (k *kept) kinOf(r *run) *osproc.Kin {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.kin != nil {
		return r.kin
	}
	kin := &osproc.Kin{Leader: r.process.Pid(), Start: r.saved.Start, Mark: k.table.mark(r.id), Strangers: k.strangersTo(r)}
	if first := r.saved.Leader; first != 0 && first != kin.Leader {
		kin.Leader = 0
		if info, ok := pidfd.ReadInfo(r.process.Pid()); ok && info.Start == r.saved.Start && info.Led(first) {
			kin.Leader = first
		}
	}
	for _, s := range []*savedStream{r.saved.Stdout, r.saved.Stderr} {
		if s != nil {
			kin.Outputs = append(kin.Outputs, k.table.pump.PathOf(s.Name))
		}
	}
	r.kin = kin
	return kin
}

// strangersTo are the main processes of other runs, and we ourselves.
func (k *kept) strangersTo(r *run) func(pid int) bool {
	return func(pid int) bool {
		if pid == k.self || pid == os.Getpid() {
			return true
		}
		k.table.mu.Lock()
		defer k.table.mu.Unlock()
		other := k.table.pids[pid]
		return other != nil && other != r
	}
}

// tree is everything that belongs to a run, wherever it has moved.
type tree struct {
	kept   *kept
	run    *run
	kin    *osproc.Kin
	cgroup *osproc.Cgroup
	exact  bool
}

// alive is exact where the keeper is the parent: whoever lives of the tree has an ancestor among the strays, of which none is
// overlooked. Elsewhere a walk through /proc may miss one that forks at the moment, so that two must agree.
func (l *tree) alive() bool {
	if l.cgroup != nil && !l.cgroup.Empty() {
		return true
	}
	if l.exact {
		if pids, ok := l.kept.strays(l.run); ok && len(l.kept.unexplained(l.run, pids)) == 0 {
			return false
		}
	}
	for range 2 {
		if seen := l.kept.table.walks.find(l.kin); len(seen.members) > 0 || !seen.whole {
			return true
		}
	}
	if l.exact { // it may have died while we looked: the keeper reaps it before it answers
		_, _ = l.kept.strays(l.run)
	}
	return false
}

func (l *tree) members() []osproc.Member { return l.kept.table.walks.find(l.kin).members }

func (l *tree) signal(signal syscall.Signal) error {
	result := osproc.ErrGone
	for _, m := range l.members() {
		if err := m.Signal(signal); err == nil || result == osproc.ErrGone {
			result = err
		}
	}
	return result
}

func (l *tree) kill() {
	if l.cgroup != nil {
		_ = l.cgroup.Kill()
	}
	osproc.Kill(l.kin)
}
