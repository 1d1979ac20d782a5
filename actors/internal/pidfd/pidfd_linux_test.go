package pidfd

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func start(t *testing.T, script string) (pid int, info Info) {
	t.Helper()
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", script}, &syscall.ProcAttr{Env: []string{"PATH=" + os.Getenv("PATH"), "PHOREVER_ID=key/web:1#13"}})
	if err != nil {
		t.Fatal(err)
	}
	info, ok := ReadInfo(pid)
	if !ok {
		t.Fatal("it has no information")
	}
	return pid, info
}

func TestADescriptorIsOnlyForTheProcessThatIsMeant(t *testing.T) {
	pid, info := start(t, "exec sleep 100")
	fd, err := OpenChecked(pid, info.Start)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := OpenChecked(pid, info.Start+1); !errors.Is(err, ErrStranger) {
		t.Errorf("another start: %v", err)
	}
	if !slices.Contains(Children(os.Getpid()), pid) {
		t.Error("it is no child of ours")
	}
	if mark, ok := Environ(pid, "PHOREVER_ID"); !ok || mark != "key/web:1#13" {
		t.Errorf("mark %q", mark)
	}
	if _, ended, err := Peek(fd); ended || err != nil {
		t.Errorf("it has ended: %v", err)
	}
	if err := Signal(fd, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wait(t, fd)
	if status, ended, _ := Peek(fd); !ended || status.Signal != syscall.SIGTERM {
		t.Errorf("%+v", status)
	}
	if status, ok := Zombie(pid, info.Start); !ok || status.Signal != syscall.SIGTERM {
		t.Errorf("as a zombie of somebody else's: %+v %v", status, ok)
	}
	if status, ended, _ := Reap(fd); !ended || status.Signal != syscall.SIGTERM {
		t.Errorf("%+v", status)
	}
	if err := Signal(fd, 0); !errors.Is(err, ErrGone) {
		t.Errorf("a signal after the end: %v", err)
	}
	if _, err := OpenChecked(pid, info.Start); err == nil {
		t.Error("it is opened after its end")
	}
}

func wait(t *testing.T, fd int) {
	t.Helper()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10000); n != 1 || err != nil {
		t.Fatalf("it does not end: %v", err)
	}
}

// A process that becomes another program again and again is known by its mark at every moment.
func TestTheMarkIsSeenWhileAProgramReplacesAnother(t *testing.T) {
	again := filepath.Join(t.TempDir(), "again")
	if err := os.WriteFile(again, []byte(`N=$((N+1)); export N; [ $N -lt 3000 ] && exec /bin/sh "$0"; exec sleep 100`), 0o600); err != nil {
		t.Fatal(err)
	}
	pid, _ := start(t, "exec /bin/sh "+again)
	defer func() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
	}()
	for i := range 20000 {
		if mark, ok := Environ(pid, "PHOREVER_ID"); !ok || mark != "key/web:1#13" {
			t.Fatalf("look %d: mark %q", i, mark)
		}
	}
}

// In a PID namespace that it did not begin, a process has no session that the kernel could name, and is not to be taken for a
// thread of the kernel: many a container's are such.
func TestTheMarkIsSeenWithoutASession(t *testing.T) {
	flags := []string{"--pid", "--fork", "--mount-proc", "--kill-child"}
	if os.Geteuid() != 0 {
		flags = append(flags, "--user", "--map-root-user")
	}
	if out, err := exec.Command("unshare", append(flags, "true")...).CombinedOutput(); err != nil {
		t.Skipf("no PID namespace here: %v %s", err, out)
	}
	again := exec.Command("unshare", append(flags, os.Args[0], "-test.run", "^TestTheMarkIsSeenWhileAProgramReplacesAnother$", "-test.v")...)
	out, err := again.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// A number that was a process's may be a thread's by the time it is looked at.
func TestAThreadIsNoProcess(t *testing.T) {
	number, over := make(chan int), make(chan struct{})
	defer close(over)
	go func() {
		runtime.LockOSThread()
		number <- unix.Gettid()
		<-over
	}()
	thread := <-number
	if thread == os.Getpid() { // it may be the first one
		go func() {
			runtime.LockOSThread()
			number <- unix.Gettid()
			<-over
		}()
		thread = <-number
	}
	if fd, err := Open(thread); !errors.Is(err, ErrGone) {
		t.Errorf("Open: %d, %v", fd, err)
	}
	if fd, err := OpenChecked(thread, 1); !errors.Is(err, ErrGone) {
		t.Errorf("OpenChecked: %d, %v", fd, err)
	}
}

// The kernel remembers how a process ended that is no child of ours, and was reaped (Linux 6.15).
func TestTheEndOfAStrangerIsRemembered(t *testing.T) {
	c := exec.Command("/bin/sh", "-c", "sleep 0.2 & echo $!; wait; exit 3")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	fd, err := Open(c.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, ok := Foreign(fd); ok {
		t.Error("an end is known of a process that lives")
	}
	_, _ = out.Read(make([]byte, 16))
	_ = c.Wait()
	status, ok := Foreign(fd)
	if ok && status.Code != 3 {
		t.Errorf("%+v", status)
	}
	if !ok {
		t.Log("this kernel does not remember it")
	}
}

func TestAStartIsATime(t *testing.T) {
	pid, info := start(t, "exit 0")
	if since := time.Since(StartedAt(info.Start)); since < -time.Second || since > 10*time.Second {
		t.Errorf("it was started %v ago", since)
	}
	fd, err := Open(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	wait(t, fd)
	if _, ok := ReapPid(pid); !ok {
		t.Error("not reaped")
	}
}
