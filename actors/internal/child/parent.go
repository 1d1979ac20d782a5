package child

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// parent is who the processes belong to in the eyes of the kernel: this process, or a keeper that outlives it.
type parent interface {
	// cloneflags are those of a fork that makes its child the parent's.
	cloneflags() uintptr
	// reserve announces a fork. started or failed follow.
	reserve(r *run) error
	// announce is called right before a fork: what the parent is to know must be on its way.
	announce()
	started(r *run, p *osproc.Process)
	failed(r *run)
	// watch has Table.mainEnded called once, when the main process of the run is a zombie or gone. The caller holds Table.mu.
	watch(r *run) error
	// leave looks what a main process leaves behind, and is nil if that is nothing. It may take a walk through /proc. An error
	// is osproc.ErrRuns for a process that has not ended, any other for one whose end nobody could see.
	leave(r *run, end ending) (kin, error)
	// whole is everything of a run whose main process lives.
	whole(r *run) kin
	// release is told when the run's end was taken note of: nothing of it is left.
	release(r *run)
	close()
}

// ending is the end of a main process.
type ending struct {
	status osproc.Status
	exact  bool  // nothing but strays can be left
	strays []int // living processes that lost their parent, and are no main process of ours
}

// kin is what belongs to a run.
type kin interface {
	// alive looks whether anything of it lives. Zombies do not.
	alive() bool
	signal(signal syscall.Signal) error
	// kill ends all of it, as far as one look finds it.
	kill()
}

// direct is this process as the parent, where there is no keeper. Of a run's tree it sees the process group.
type direct struct {
	table  *Table
	loop   *osproc.Loop
	parent osproc.Parent
}

func (direct) cloneflags() uintptr { return 0 }

func (d direct) reserve(r *run) error {
	if err := d.parent.Reserve(r.id.String()); err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	return nil
}

func (direct) announce() {}

func (d direct) started(r *run, p *osproc.Process) { d.parent.Started(r.id.String(), p) }
func (direct) failed(*run)                         {}

func (d direct) watch(r *run) error {
	return d.loop.Watch(r.process, func(status osproc.Status) { d.table.mainEnded(r, ending{status: status}) })
}

// leave reaps first: then the kernel tells for one system call that a group is empty.
func (d direct) leave(r *run, _ ending) (kin, error) {
	err := d.parent.Reap(r.id.String(), r.process)
	if errors.Is(err, osproc.ErrRuns) || !r.process.GroupAlive() {
		return nil, err
	}
	return group{r.process}, err
}

func (direct) whole(r *run) kin { return group{r.process} }
func (direct) release(*run)     {}
func (d direct) close()         { d.loop.Close() }

// group is the process group of a run.
type group struct{ process *osproc.Process }

func (g group) alive() bool                        { return g.process.GroupAlive() }
func (g group) signal(signal syscall.Signal) error { return g.process.SignalGroup(signal) }
func (g group) kill()                              { _ = g.process.SignalGroup(syscall.SIGKILL) }
