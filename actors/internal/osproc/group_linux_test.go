package osproc

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

func TestASignalForTheGroupReachesAll(t *testing.T) {
	l := newLoop(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	c := shell("sleep 1000 & sleep 1000 & echo ready; wait")
	c.Stdout = int(write.Fd())
	p := start(t, c)
	_ = write.Close()
	ends := ended(t, l, p)
	ready := make([]byte, 16)
	if _, err := read.Read(ready); err != nil {
		t.Fatal(err)
	}
	if err := p.SignalGroup(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := receive(t, ends, "end"); status.Signal != syscall.SIGTERM {
		t.Errorf("got %+v", status)
	}
	// The pipe ends when the last of them has.
	if n, err := read.Read(ready); n != 0 || err == nil {
		t.Errorf("read %d, %v", n, err)
	}
	if err := p.reap(); err != nil {
		t.Error(err)
	}
	eventually(t, "the group is gone", func() bool { return !p.GroupAlive() })
	if err := p.SignalGroup(syscall.SIGTERM); !errors.Is(err, ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
}

// leave starts a leader that exits and leaves one member of its group behind, which holds the pipe that is returned.
func leave(t *testing.T, l *Loop, member string) (p *Process, holds *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	c := shell(`"$@" & exit 0`, "sh", "-c", member)
	c.Stdout = int(write.Fd())
	p = start(t, c)
	_ = write.Close()
	ends := ended(t, l, p)
	ready := make([]byte, 16)
	if _, err := read.Read(ready); err != nil {
		t.Fatal(err)
	}
	receive(t, ends, "the leader's end")
	return p, read
}

func TestAGroupOutlivesItsLeader(t *testing.T) {
	l := newLoop(t)
	p, holds := leave(t, l, "echo ready; exec sleep 1000")
	if !p.GroupAlive() {
		t.Error("a group whose leader is not reaped is not alive")
	}
	if err := p.reap(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if !p.GroupAlive() {
			t.Fatal("the group has a member and is not alive")
		}
	}
	if err := p.Signal(syscall.SIGKILL); !errors.Is(err, ErrGone) {
		t.Errorf("signal to the reaped leader: %v, want ErrGone", err)
	}
	if err := p.SignalGroup(syscall.SIGTERM); err != nil {
		t.Errorf("signal to the rest of the group: %v", err)
	}
	if n, err := holds.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d, %v", n, err)
	}
	eventually(t, "the group is gone", func() bool { return !p.GroupAlive() })
}

// A zombie whose parent does not wait for it, outside the group, keeps the group's number for ever: it does not live.
func TestAGroupOfZombiesIsNotAlive(t *testing.T) {
	l := newLoop(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	hold := ourselves("hold-zombie")
	hold.Stdout = int(write.Fd())
	p := start(t, hold)
	_ = write.Close()
	var holder, held int
	if _, err := fmt.Fscan(read, &holder, &held); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Kill(holder, unix.SIGKILL) })
	receive(t, ended(t, l, p), "the leader's end")
	info, ok := ReadInfo(held)
	if !ok || info.State != 'Z' || info.Group != p.Pid() {
		t.Fatalf("%d is %c in group %d, want a zombie in %d", held, info.State, info.Group, p.Pid())
	}
	if err := p.reap(); err != nil {
		t.Fatal(err)
	}
	if unix.Kill(-p.Pid(), 0) != nil {
		t.Fatal("the kernel knows the group no more")
	}
	if p.GroupAlive() {
		t.Error("a group of a zombie is alive")
	}
	if err := p.SignalGroup(syscall.SIGTERM); !errors.Is(err, ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
}

func init() {
	modes["hold-zombie"] = holdZombie
	modes["hold"] = func() {
		if err := unix.Setpgid(0, 0); err != nil {
			return
		}
		pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "exit 0"}, &syscall.ProcAttr{
			Env: environment(), Sys: &syscall.SysProcAttr{Setpgid: true, Pgid: os.Getppid()},
		})
		if err != nil {
			return
		}
		_ = pidfd.Waitid(unix.P_PID, pid, unix.WEXITED|unix.WNOWAIT, nil, nil)
		fmt.Println(os.Getpid(), pid)
		_ = os.Stdout.Close()
		_, _ = os.Stdin.Read(make([]byte, 1))
		select {}
	}
}

// holdZombie leads a group in which a child of another group keeps a zombie, and exits.
func holdZombie() {
	read, write, err := os.Pipe()
	if err != nil {
		return
	}
	_, err = syscall.ForkExec(self(), []string{"hold"}, &syscall.ProcAttr{
		Env: environment(modeVariable + "=hold"), Files: []uintptr{0, write.Fd(), 2},
	})
	if err != nil {
		return
	}
	_ = write.Close()
	var holder, held int
	_, _ = fmt.Fscan(read, &holder, &held) // exits only when the zombie is one
	fmt.Println(holder, held)
}

func TestASignalForTheDeadReachesNobody(t *testing.T) {
	l := newLoop(t)
	p := start(t, shell("exit 0"))
	receive(t, ended(t, l, p), "end")
	// The zombie takes signals without an error, and is nobody else while it is not reaped.
	if err := p.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, ErrGone) {
		t.Errorf("signal to a zombie: %v", err)
	}
	if err := p.reap(); err != nil {
		t.Fatal(err)
	}
	// A stranger gets its number: what the kernel does after pid_max births is done here by hand.
	stranger := start(t, command("sleep", "1000"))
	reborn := &Process{pid: stranger.Pid(), pidfd: -1, ours: true, reaped: true}
	for name, err := range map[string]error{
		"reaped": p.Signal(syscall.SIGKILL), "reaped, group": p.SignalGroup(syscall.SIGKILL),
		"reused": reborn.Signal(syscall.SIGKILL), "reused, group": reborn.SignalGroup(syscall.SIGKILL),
	} {
		if !errors.Is(err, ErrGone) {
			t.Errorf("%s: got %v, want ErrGone", name, err)
		}
	}
	if reborn.GroupAlive() {
		t.Error("the group of a stranger with the number is taken for ours")
	}
	if info, ok := ReadInfo(stranger.Pid()); !ok || info.State == 'Z' {
		t.Error("the stranger was hit")
	}
	if err := stranger.Signal(0); err != nil {
		t.Errorf("the stranger: %v", err)
	}
}

func TestReapDoesNotWait(t *testing.T) {
	l := newLoop(t)
	p := start(t, command("sleep", "1000"))
	ends := ended(t, l, p)
	if err := (Direct{}).Reap("", p); !errors.Is(err, ErrRuns) {
		t.Fatalf("got %v, want ErrRuns", err)
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("it can no longer be signaled: %v", err)
	}
	if status := receive(t, ends, "end"); status.Signal != syscall.SIGTERM {
		t.Errorf("got %+v", status)
	}
	if err := (Direct{}).Reap("", p); err != nil {
		t.Error(err)
	}
}
