package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fault is an error that every other call of a kind is answered with for a while.
type fault struct{ who, call, errno string }

// The faults of every run of the tests, and those that PHOREVER_SOAK adds. Left out are calls whose failure ends the Go
// runtime, and close, which always closes.
var (
	faults = []fault{
		{"daemon", "clone", "EAGAIN"}, {"daemon", "openat", "EMFILE"}, {"daemon", "mknodat", "ENOSPC"}, {"daemon", "epoll_ctl", "ENOMEM"},
		{"daemon", "tee", "ENOMEM"}, {"daemon", "splice", "EIO"}, {"daemon", "sendmsg", "ENOMEM"}, {"daemon", "recvmsg", "ENOMEM"},
		{"daemon", "accept4", "ENFILE"}, {"daemon", "unlinkat", "EACCES"},
		{"keeper", "openat", "ENOMEM"}, {"keeper", "epoll_ctl", "ENOMEM"}, {"keeper", "sendmsg", "ENOBUFS"}, {"keeper", "recvmsg", "ENOMEM"},
		{"keeper", "waitid", "EINTR"},
	}
	moreCalls = map[string]string{
		"clone": "ENOMEM", "openat": "EACCES EIO EINTR ENFILE", "mknodat": "EACCES EIO", "pipe2": "EMFILE", "epoll_ctl": "ENOSPC",
		"fcntl": "ENOMEM EINTR", "tee": "EAGAIN EINTR EIO", "splice": "EAGAIN EINTR ENOMEM ENOSPC", "sendmsg": "EAGAIN EINTR", "recvmsg": "EAGAIN EINTR",
		"pidfd_open": "EMFILE ENOMEM", "pidfd_send_signal": "EINTR ENOMEM", "waitid": "EINTR", "accept4": "EMFILE ENOMEM", "unlinkat": "EIO",
		"newfstatat": "ENOMEM EACCES", "fstat": "EIO", "fsync": "EIO", "pread64": "EINTR EIO", "getdents64": "EIO", "ioctl": "EINTR EIO", "read": "EINTR", "write": "EINTR",
		"ppoll": "EINTR ENOMEM", "readlinkat": "EACCES", "renameat": "EIO ENOSPC", "fallocate": "ENOSPC",
	}
)

// faultsFor is how long the faults go on where PHOREVER_SOAK says nothing.
const faultsFor = 45 * time.Second

// TestFaults has calls of daemon and keeper fail for a while, one kind after the other, while processes are killed and an order
// is given. Neither may end, no process may get a second copy, everything must run again when the fault is over, and the log
// must not be flooded. The tracer does not follow forks: the children do not suffer.
func TestFaults(t *testing.T) {
	if exec.Command("strace", "-o", "/dev/null", "true").Run() != nil {
		t.Skip("there is no strace, or it may not trace")
	}
	t.Parallel()
	all := faults
	if os.Getenv("PHOREVER_SOAK") != "" {
		for call, errnos := range moreCalls {
			for errno := range strings.FieldsSeq(errnos) {
				all = append(all, fault{"daemon", call, errno}, fault{"keeper", call, errno})
			}
		}
	}
	p := newProject(t)
	p.writeChaos(0)
	p.command(0, "start", "-d", "--wait=60s")
	daemon, keeper := p.pidOf("pid"), p.pidOf("keeper_pid")
	injected, suffered, begin := 0, 0, time.Now()
	for _, f := range all {
		if os.Getenv("PHOREVER_SOAK") == "" && time.Since(begin) > faultsFor {
			t.Logf("the other %d faults are left to a faster machine", len(all)-suffered)
			break
		}
		suffered++
		pid := daemon
		if f.who == "keeper" {
			pid = keeper
		}
		n, ok := p.suffer(f, pid)
		if !ok {
			t.Skip("the daemon cannot be traced")
		}
		injected += n
		t.Logf("%s: %s fails with %s: %d times", f.who, f.call, f.errno, n)
		p.command(0, "start", "--wait=60s")
		p.secondCopies()
		if now := p.pidOf("pid"); now != daemon {
			t.Errorf("%v: the daemon is another one", f)
			daemon = now
		}
		if now := p.pidOf("keeper_pid"); now != keeper {
			t.Errorf("%v: the keeper is another one", f)
			keeper = now
		}
	}
	p.stopWhole()
	if injected < suffered {
		t.Errorf("%d calls have failed in all: that was no fault", injected)
	}
	p.floods()
}

// suffer has calls of a process fail for a while, and says how many.
func (p *project) suffer(f fault, pid int) (injected int, ok bool) {
	p.t.Helper()
	output := filepath.Join(p.dir, "trace")
	var threads []string
	tasks, _ := os.ReadDir(proc(pid, "task"))
	for _, task := range tasks {
		threads = append(threads, task.Name())
	}
	tracer := exec.Command("strace", "-qq", "-p", strings.Join(threads, ","), "-o", output, "-e", "trace="+f.call, "-e", "inject="+f.call+":error="+f.errno+":when=1+2")
	if err := tracer.Start(); err != nil {
		return 0, false
	}
	for deadline := time.Now().Add(10 * time.Second); !traced(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = tracer.Process.Kill()
			_ = tracer.Wait()
			return 0, false
		}
	}
	order := p.stir()
	time.Sleep(700 * time.Millisecond) // as long as the fault lasts
	for deadline := time.Now().Add(10 * time.Second); injections(output) == 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond) // a busy machine has not come to it
	}
	_ = tracer.Process.Signal(syscall.SIGINT)
	late := time.AfterFunc(5*time.Second, func() { _ = tracer.Process.Kill() })
	_ = tracer.Wait()
	late.Stop()
	_ = order.Wait() // whatever it could do
	return injections(output), true
}

func injections(output string) int {
	trace, _ := os.ReadFile(output)
	return strings.Count(string(trace), "(INJECTED)")
}

func traced(pid int) bool {
	status, _ := os.ReadFile(proc(pid, "status"))
	return !strings.Contains(string(status), "TracerPid:\t0\n")
}

var variable = regexp.MustCompile(`[0-9]+`)

// floods fails when the daemon's log says one and the same again and again, but for the events, each of which happened.
func (p *project) floods() {
	const bearable = 20
	log, err := os.ReadFile(filepath.Join(p.dir, "logs", "phorever.log"))
	if err != nil {
		p.t.Error(err)
	}
	said := map[string]int{}
	for line := range strings.Lines(string(log)) {
		if _, text, ok := strings.Cut(line, " "); ok && !strings.Contains(text, "event=") {
			said[variable.ReplaceAllString(text, "N")]++
		}
	}
	for text, n := range said {
		if n > bearable {
			p.t.Errorf("said %d times: %s", n, text)
		}
	}
}
