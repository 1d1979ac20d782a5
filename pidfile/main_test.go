package pidfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The other process of these tests is this binary again, with a word that says what it does and the file it does it to.
const (
	modeVariable = "PIDFILE_TEST_MODE"
	pathVariable = "PIDFILE_TEST_PATH"
)

func TestMain(m *testing.M) {
	switch os.Getenv(modeVariable) {
	case "":
	case "nowhere-to-write": // what a full disk is to the one write that matters, for any user and any file system
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(unix.RLIMIT_FSIZE, &syscall.Rlimit{}); err != nil {
			fmt.Println("setrlimit:", err)
			os.Exit(1)
		}
		compete()
	case "own":
		compete()
	case "sleep":
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// compete waits for a line, tries to get the file, says how that went, and keeps it until its input ends.
func compete() {
	input := bufio.NewReader(os.Stdin)
	_, _ = input.ReadString('\n')
	f, err := Acquire(os.Getenv(pathVariable))
	var held *HeldError
	switch {
	case err == nil:
		fmt.Println("own", os.Getpid())
	case errors.As(err, &held):
		fmt.Println("held", held.Pid)
	default:
		fmt.Println("error", err)
	}
	_, _ = io.Copy(io.Discard, input)
	if f != nil {
		f.Release()
	}
	os.Exit(0)
}

// other is another process.
type other struct {
	t     *testing.T
	cmd   *exec.Cmd
	input io.WriteCloser
	words *bufio.Reader
}

func start(t *testing.T, mode, path string, change ...func(*exec.Cmd)) *other {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^$") // also for a user who may not reach the binary by its path
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		cmd.Path = os.Args[0]
	}
	// The race detector lets each process wait a second before it ends.
	cmd.Env = append(os.Environ(), modeVariable+"="+mode, pathVariable+"="+path, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	input, errIn := cmd.StdinPipe()
	output, errOut := cmd.StdoutPipe()
	for _, f := range change {
		f(cmd)
	}
	if err := errors.Join(errIn, errOut, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	o := &other{t, cmd, input, bufio.NewReader(output)}
	t.Cleanup(func() { o.end() })
	return o
}

// try lets it try to get the file, and returns how that went and the number it was told.
func (o *other) try() (word string, pid int) {
	o.t.Helper()
	o.goOn()
	return o.answer()
}

func (o *other) goOn() { _, _ = io.WriteString(o.input, "go\n") }

func (o *other) answer() (word string, pid int) {
	o.t.Helper()
	line, err := o.words.ReadString('\n')
	if err != nil {
		o.t.Fatalf("the other process said nothing: %v", err)
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err = strconv.Atoi(rest)
	if err != nil {
		return line, 0
	}
	return word, pid
}

func (o *other) pid() int { return o.cmd.Process.Pid }

// end lets it release what it has and waits for it.
func (o *other) end() {
	_ = o.input.Close()
	_ = o.cmd.Wait()
}

// crash is a death that nobody can prepare for.
func (o *other) crash() {
	_ = o.cmd.Process.Kill()
	_ = o.cmd.Wait()
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", filepath.Base(path), got, err, want)
	}
}

func wantAbsent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there (%v); want nothing", filepath.Base(path), err)
	}
}

func acquire(t *testing.T, path string) *File {
	t.Helper()
	f, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Release)
	return f
}

func line(pid int) string { return strconv.Itoa(pid) + "\n" }

// within fails the test when f takes longer: what must not block would otherwise hang the whole run.
func within(t *testing.T, limit time.Duration, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("still not done after %s", limit)
	}
}
