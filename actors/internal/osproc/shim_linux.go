package osproc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shimOrder is what the shim is told, as its first argument.
type shimOrder struct {
	Path       string
	Limits     []Limit     `json:",omitempty"`
	OOM        *int        `json:",omitempty"`
	NoNewPrivs bool        `json:",omitempty"`
	Umask      *int        `json:",omitempty"`
	As         *Credential `json:",omitempty"`
	Cgroup     string      `json:",omitempty"`
}

// shimReport is the descriptor on which the shim says what it could not do. It is closed by the exec that succeeds.
const shimReport = 3

// spawnShimmed starts our own binary in between. It sets what is asked for as the user that we are, becomes the user asked
// for, and executes the program: pid, session and descriptors stay. What fails there is returned here.
func spawnShimmed(c Command, files []uintptr) (*Process, error) {
	if c.ShimPath == "" {
		return nil, fmt.Errorf("%s: limits need our own binary, which is not known", c.Argv[0])
	}
	order, err := json.Marshal(shimOrder{c.Path, c.Shim.Limits, c.Shim.OOMScoreAdj, c.Shim.NoNewPrivs, c.Umask, c.Credential, c.Shim.Cgroup})
	if err != nil {
		return nil, err
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, &StartError{Name: c.Argv[0], What: "pipe", Err: err}
	}
	report := os.NewFile(uintptr(ends[0]), "shim report")
	defer report.Close()
	shimmed := c
	shimmed.Path, shimmed.Credential, shimmed.Umask, shimmed.Shim = c.ShimPath, nil, nil, Shim{}
	shimmed.Argv = append([]string{"phorever", "exec-child", string(order)}, c.Argv...)
	p, err := spawnPlain(shimmed, append(files[:shimReport:shimReport], uintptr(ends[1])))
	_ = unix.Close(ends[1])
	var failed *StartError
	if errors.As(err, &failed) {
		failed.Name = c.Argv[0]
		if failed.What == "" {
			failed.What = "our own binary " + c.ShimPath
		}
	}
	if err != nil {
		return nil, err
	}
	if problem, _ := io.ReadAll(report); len(problem) > 0 {
		if p.ours {
			_, _, _ = p.wait(0) // it exits by itself, having spoken
			_ = p.reap()
		} else {
			p.Reaped() // by its parent, to whom its run is cancelled
		}
		return nil, shimFailure(c, string(problem))
	}
	return p, nil
}

// shimFailure turns "errno what" into the error that a direct start would have returned.
func shimFailure(c Command, problem string) error {
	for i := range problem {
		if problem[i] != ' ' {
			continue
		}
		if errno, err := strconv.Atoi(problem[:i]); err == nil {
			if what := problem[i+1:]; what != "exec" {
				return explain(c, &stepError{what, syscall.Errno(errno)})
			}
			return explain(c, syscall.Errno(errno))
		}
	}
	return fmt.Errorf("%s: %s", c.Argv[0], problem)
}

// ExecChild is the body of the shim. arguments are what followed "exec-child": the order and the program's own words.
func ExecChild(arguments []string) {
	runtime.LockOSThread()
	unix.CloseOnExec(shimReport)
	what, err := dressAndExec(arguments)
	var errno syscall.Errno
	errors.As(err, &errno)
	_, _ = unix.Write(shimReport, fmt.Appendf(nil, "%d %s", int(errno), what))
	os.Exit(127)
}

func dressAndExec(arguments []string) (what string, err error) {
	var order shimOrder
	if len(arguments) < 2 {
		return "too few arguments", syscall.EINVAL
	}
	if err := json.Unmarshal([]byte(arguments[0]), &order); err != nil {
		return "unreadable order", syscall.EINVAL
	}
	if order.Cgroup != "" { // nothing of the program was executed yet: all that it starts is born there
		if err := os.WriteFile(order.Cgroup+"/cgroup.procs", []byte("0"), 0); err != nil {
			return "cgroup " + order.Cgroup, err
		}
	}
	for _, limit := range order.Limits {
		number, ok := resources[limit.Resource]
		if !ok {
			return "limit " + limit.Resource, syscall.EINVAL
		}
		// The syscall package's own Setrlimit: after it the runtime does not put back the limit that we were started with.
		if err := syscall.Setrlimit(number, &syscall.Rlimit{Cur: limit.Value, Max: limit.Value}); err != nil {
			return "limit " + limit.Resource, err
		}
	}
	if order.OOM != nil {
		if err := os.WriteFile("/proc/self/oom_score_adj", strconv.AppendInt(nil, int64(*order.OOM), 10), 0); err != nil {
			return "oom_score_adj", err
		}
	}
	if as := order.As; as != nil {
		groups := make([]int, len(as.Groups))
		for i, group := range as.Groups {
			groups[i] = int(group)
		}
		if err := syscall.Setgroups(groups); err != nil {
			return "setgroups", err
		}
		if err := syscall.Setgid(int(as.Gid)); err != nil {
			return "setgid", err
		}
		if err := syscall.Setuid(int(as.Uid)); err != nil {
			return "setuid", err
		}
	}
	if order.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return "no_new_privs", err
		}
	}
	if order.Umask != nil {
		unix.Umask(*order.Umask)
	}
	var empty [8]byte
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&empty)), 0, uintptr(len(empty)), 0, 0); errno != 0 {
		return "signal mask", errno
	}
	// The runtime interrupts its threads with a signal; one that is on its way would be the program's. Being set to what it does by default,
	// which is nothing, forgets it, and lets no other come.
	var byDefault [4]uint64 // a kernel_sigaction
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGURG), uintptr(unsafe.Pointer(&byDefault)), 0, uintptr(len(empty)), 0, 0); errno != 0 {
		return "signal action", errno
	}
	return "exec", syscall.Exec(order.Path, arguments[1:], os.Environ())
}

var resources = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE,
	"locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK, "msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE,
	"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO,
	"sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}
