package osproc

import "github.com/dcousineau/phorever/actors/internal/pidfd"

// Command is what to execute and how.
type Command struct {
	Path                  string // of the program, absolute
	Argv                  []string
	Env                   []string
	Dir                   string // as named: a symlink is followed at the start
	Stdin, Stdout, Stderr int    // descriptors, -1 for /dev/null
	Credential            *Credential
	Umask                 *int
	Nice                  *int
	Shim                  Shim
	ShimPath              string   // our own binary
	Cloneflags            uintptr  // of the clone system call
	Forkers               *Forkers // nil: the thread at hand forks
}

// Credential is the user to run as.
type Credential struct {
	Uid, Gid uint32
	Groups   []uint32
}

// Shim is what only a program between fork and exec can set: our own binary, as its exec-child command. The zero value
// needs none.
type Shim struct {
	Limits      []Limit
	OOMScoreAdj *int
	NoNewPrivs  bool
	Cgroup      string // the directory of a control group that the process is to be born into
}

// Limit is one resource limit, soft and hard alike. Unlimited is ^uint64(0).
type Limit struct {
	Resource string // nofile, nproc, core, as, cpu, data, fsize, memlock, stack
	Value    uint64
}

func (s Shim) needed() bool {
	return len(s.Limits) > 0 || s.OOMScoreAdj != nil || s.NoNewPrivs || s.Cgroup != ""
}

// Status is how a process ended.
type Status = pidfd.Status

// Parent is who a process belongs to in the eyes of the kernel, and so who reaps it.
type Parent interface {
	// Reserve is told of a run before it is started.
	Reserve(run string) error
	// Started is told of the process of a reserved run.
	Started(run string, p *Process)
	// Reap ends the zombie of a run. It does not block: a process that runs answers ErrRuns.
	Reap(run string, p *Process) error
}

// Direct is this process as the parent.
type Direct struct{}

// Reserve does nothing: what we fork dies with no message lost.
func (Direct) Reserve(string) error { return nil }

// Started does nothing.
func (Direct) Started(string, *Process) {}

// Reap takes the zombie's status and closes its pidfd. The process cannot be signaled any more.
func (Direct) Reap(_ string, p *Process) error { return p.reap() }
