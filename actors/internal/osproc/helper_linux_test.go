package osproc

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// anyChild is a zombie of ours, 0 if all children live, and false if there are none.
func anyChild() (zombie int, some bool) {
	zombie, _ = pidfd.PeekAny()
	return zombie, len(pidfd.Children(os.Getpid())) > 0
}

// environment is what children get: the cookie, and extra.
func environment(extra ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), cookie + "=" + os.Getenv(cookie)}, extra...)
}

// command runs a program of the PATH with nothing on its descriptors.
func command(argv ...string) Command {
	path, err := LookPath(argv[0], "/", environment())
	if err != nil {
		path = argv[0]
	}
	return Command{Path: path, Argv: argv, Env: environment(), Stdin: -1, Stdout: -1, Stderr: -1, ShimPath: self(), Forkers: forkers}
}

func shell(script string, arguments ...string) Command {
	return command(append([]string{"sh", "-c", script, "sh"}, arguments...)...)
}

// ourselves runs this binary in a mode.
func ourselves(mode string) Command {
	c := command(self())
	c.Env = environment(modeVariable+"="+mode, "GORACE=atexit_sleep_ms=0")
	return c
}

func self() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

// start spawns a process that is ended with the test, whatever it does.
func start(t *testing.T, c Command) *Process {
	t.Helper()
	p, err := Spawn(c)
	if err != nil {
		t.Fatalf("Spawn %q: %v", c.Argv, err)
	}
	t.Cleanup(func() { finish(p) })
	return p
}

// finish kills what is left of a process and its group, and reaps it.
func finish(p *Process) {
	_ = p.SignalGroup(syscall.SIGKILL)
	p.mu.Lock()
	if !p.reaped {
		_, _, _ = p.wait(unix.WNOWAIT)
	}
	p.mu.Unlock()
	_ = p.reap()
}

func newLoop(t *testing.T) *Loop {
	t.Helper()
	l, err := NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// ended hands out the end of a process, which is told once.
func ended(t *testing.T, l *Loop, p *Process) <-chan Status {
	t.Helper()
	ends := make(chan Status, 2)
	if err := l.Watch(p, func(status Status) { ends <- status }); err != nil {
		t.Fatal(err)
	}
	return ends
}

func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patience):
		t.Fatalf("%s: nothing came", what)
		panic("unreachable")
	}
}

// eventually waits for what has no event that a test could wait for.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

// outputOf runs a command that must succeed and returns what it wrote.
func outputOf(t *testing.T, c Command) string {
	t.Helper()
	output, status := outputAndEnd(t, c)
	if status.Code != 0 || status.Signal != 0 {
		t.Fatalf("%q ended with %+v: %s", c.Argv, status, output)
	}
	return output
}

func outputAndEnd(t *testing.T, c Command) (string, Status) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "output")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c.Stdout, c.Stderr = int(file.Fd()), int(file.Fd())
	p := start(t, c)
	status, _, err := p.wait(unix.WNOWAIT)
	if err != nil {
		t.Fatal(err)
	}
	output, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(output), status
}

// onPipe gives a command a pipe as its standard input; it ends when the test closes the other end.
func onPipe(t *testing.T, c *Command) (writeEnd *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = read.Close(), write.Close() })
	c.Stdin = int(read.Fd())
	return write
}

// statusOf reads one field of /proc/PID/status.
func statusOf(t *testing.T, pid, field string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	return fieldOf(t, string(text), field)
}

func fieldOf(t *testing.T, status, field string) string {
	t.Helper()
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	t.Fatalf("no %s in %q", field, status)
	return ""
}
