package osproc

import (
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inParallel spawns as many at once as the callers of this package do.
func inParallel(n int, work func(i int)) {
	var group sync.WaitGroup
	next := make(chan int)
	for range 8 {
		group.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
}

func TestEveryExitCodeIsToldExactly(t *testing.T) {
	l := newLoop(t)
	processes, ends := make([]*Process, 256), make([]chan Status, 256)
	// All of them end at once, when the test closes the pipe.
	c := command("sh")
	write := onPipe(t, &c)
	inParallel(len(processes), func(code int) {
		c := c
		c.Argv = []string{"sh", "-c", "read line; exit " + strconv.Itoa(code)}
		p, err := Spawn(c)
		if err != nil {
			t.Error(err)
			return
		}
		processes[code], ends[code] = p, make(chan Status, 2)
		if err := l.Watch(p, func(status Status) { ends[code] <- status }); err != nil {
			t.Error(err)
		}
	})
	_ = write.Close()
	for code, p := range processes {
		if p == nil {
			continue
		}
		status := receive(t, ends[code], "exit")
		if status.Code != code || status.Signal != 0 || status.Lost {
			t.Errorf("exit %d: got %+v", code, status)
		}
		if info, ok := ReadInfo(p.Pid()); !ok || info.State != 'Z' {
			t.Errorf("exit %d: state %q before it is reaped, want a zombie", code, info.State)
		}
		if err := (Direct{}).Reap("", p); err != nil {
			t.Errorf("exit %d: reap: %v", code, err)
		}
		if len(ends[code]) != 0 {
			t.Errorf("exit %d: told twice", code)
		}
	}
}

// notFatal are the signals whose default is something else than the end.
var notFatal = []syscall.Signal{
	syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGURG, syscall.SIGWINCH,
	syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU,
}

func TestEveryFatalSignalIsToldExactly(t *testing.T) {
	l := newLoop(t)
	var signals []syscall.Signal
	for signal := syscall.Signal(1); signal <= 64; signal++ {
		if !slices.Contains(notFatal, signal) {
			signals = append(signals, signal, signal, signal, signal)
		}
	}
	c := command("sleep", "1000")
	c.Dir = t.TempDir()
	inParallel(len(signals), func(i int) {
		p, err := Spawn(c)
		if err != nil {
			t.Error(err)
			return
		}
		defer finish(p)
		ends := make(chan Status, 2)
		if err := l.Watch(p, func(status Status) { ends <- status }); err != nil {
			t.Error(err)
			return
		}
		if err := p.Signal(signals[i]); err != nil {
			t.Errorf("signal %d: %v", signals[i], err)
			return
		}
		if status := <-ends; status.Signal != signals[i] || status.Code != 0 || status.Lost {
			t.Errorf("signal %d: got %+v", signals[i], status)
		}
	})
}

func TestAnEndBeforeTheWatchIsTold(t *testing.T) {
	l := newLoop(t)
	p := start(t, shell("exit 7"))
	if _, _, err := p.wait(unix.WNOWAIT); err != nil {
		t.Fatal(err)
	}
	if status := receive(t, ended(t, l, p), "exit"); status.Code != 7 {
		t.Errorf("got %+v, want exit 7", status)
	}
}

func TestAProcessIsAZombieUntilItIsReaped(t *testing.T) {
	l := newLoop(t)
	p := start(t, shell("exit 3"))
	receive(t, ended(t, l, p), "exit")
	for range 50 { // nothing that goes on in the process takes the status away
		q := start(t, shell("exit 0"))
		receive(t, ended(t, l, q), "exit")
		if err := (Direct{}).Reap("", q); err != nil {
			t.Fatal(err)
		}
		if info, ok := ReadInfo(p.Pid()); !ok || info.State != 'Z' {
			t.Fatalf("state %q, want a zombie", info.State)
		}
	}
	if p.StartTime() == 0 {
		t.Error("a zombie has no start time")
	}
	if err := (Direct{}).Reap("", p); err != nil {
		t.Error(err)
	}
	if err := (Direct{}).Reap("", p); err != nil {
		t.Errorf("a second reaping: %v", err)
	}
	if info, ok := ReadInfo(p.Pid()); ok && info.State == 'Z' {
		t.Error("still a zombie")
	}
	if p.StartTime() != 0 {
		t.Error("a number that may be anybody's has a start time")
	}
}

func TestUsageIsTold(t *testing.T) {
	l := newLoop(t)
	p := start(t, shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"))
	status := receive(t, ended(t, l, p), "exit")
	if status.User+status.System == 0 || status.MaxRSS < 100<<10 {
		t.Errorf("got %+v, want CPU time and memory", status)
	}
}

// A child that was reaped before we had a descriptor of it, as the init does when its parent was killed, gets no signal by its number.
func TestBornDead(t *testing.T) {
	if !pidfdWorks() {
		t.Skip("no pidfd here")
	}
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	p := &Process{pid: dead.Process.Pid, pidfd: -1}
	if err := p.born(); err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(0); !errors.Is(err, ErrGone) {
		t.Errorf("a signal: want %v, got %v", ErrGone, err)
	}
	if err := p.SignalGroup(0); !errors.Is(err, ErrGone) {
		t.Errorf("a signal to its group: want %v, got %v", ErrGone, err)
	}
	if !p.Ended() {
		t.Error("it has not ended")
	}
}
