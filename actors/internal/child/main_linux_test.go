package child

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// cookie is in the environment of everything that a test starts, however far it strays: what carries it at the end was
// left behind. Its value is the pid of the test process.
const cookie = "CHILD_TEST_OF"

// modeVariable makes this binary one of the children in modes.
const modeVariable = "CHILD_TEST_MODE"

// againVariable makes this binary run tests in another situation.
const (
	againVariable = "CHILD_TEST_AGAIN"
	asOrdinary    = "as-an-ordinary-user"
	inNamespace   = "in-a-pid-namespace"
)

func TestMain(m *testing.M) {
	if mode := modes[os.Getenv(modeVariable)]; mode != nil {
		mode()
		os.Exit(0)
	}
	if os.Getenv(againVariable) == inNamespace {
		if os.Getpid() != 1 {
			fmt.Fprintf(os.Stderr, "this is no namespace of its own, but process %d\n", os.Getpid())
			os.Exit(1)
		}
		if err := mountProc(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(runTests(m))
}

// mountProc shows the processes of our own namespace, to us alone.
func mountProc() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

func runTests(m *testing.M) int {
	// A child that a signal ends must not leave a core file anywhere.
	_ = syscall.Setrlimit(unix.RLIMIT_CORE, &syscall.Rlimit{})
	_ = os.Setenv(cookie, strconv.Itoa(os.Getpid()))
	if err := warmUp(); err != nil {
		fmt.Fprintln(os.Stderr, "warm up:", err)
		return 1
	}
	before := openFiles()
	if code := m.Run(); code != 0 {
		return code
	}
	var leak string
	for range 500 {
		if leak = leaks(before); leak == "" {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Fprintln(os.Stderr, "LEAK:", leak)
	return 1
}

// warmUp opens what stays open for ever: /dev/null, and what the runtime's own poller needs.
func warmUp() error {
	table, err := NewTable(Direct{})
	if err != nil {
		return err
	}
	defer table.Close()
	id, ended := RunID{"warm", 1}, make(chan Note, 8)
	table.Attach(id, Plan{Prepare: func(RunID) (Launch, error) { return Launch{Command: command("true")}, nil }}, func(note Note) { ended <- note })
	for note := range ended {
		if isLast(note) {
			break
		}
	}
	return nil
}

func leaks(before []string) string {
	if pid, some := anyChild(); some {
		return fmt.Sprintf("a child is not reaped (zombie %d, 0: it lives)", pid)
	}
	if left := strays(); len(left) > 0 {
		return fmt.Sprintf("processes %d live on", left)
	}
	if now := openFiles(); !slices.Equal(now, before) {
		return fmt.Sprintf("descriptors: %q before, %q after", before, now)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if bytes.Contains(stack, []byte("/actors/internal/")) && !bytes.Contains(stack, []byte("child.leaks(")) {
			return "a goroutine:\n" + string(stack)
		}
	}
	return ""
}

// anyChild is a zombie of ours, 0 if all children live, and false if there are none.
func anyChild() (zombie int, some bool) {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err != nil {
		return 0, err != unix.ECHILD
	}
	for _, pid := range children() {
		if info, ok := osproc.ReadInfo(pid); ok && info.State == 'Z' {
			return pid, true
		}
	}
	return 0, true
}

// children are the living and dead children of this process.
func children() []int {
	var found []int
	for _, pid := range processes() {
		if info, ok := osproc.ReadInfo(pid); ok && info.Parent == os.Getpid() {
			found = append(found, pid)
		}
	}
	return found
}

// strays are the living processes that carry our cookie.
func strays() []int {
	var found []int
	for _, pid := range processes() {
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if pid != os.Getpid() && slices.Contains(strings.Split(string(environ), "\x00"), cookie+"="+strconv.Itoa(os.Getpid())) {
			found = append(found, pid)
		}
	}
	return found
}

func processes() []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// openFiles is what is behind each descriptor of this process, sorted. Pipes and the like are told without their numbers.
func openFiles() []string {
	const directory = "/proc/self/fd/"
	entries, _ := os.ReadDir(directory)
	var files []string
	for _, entry := range entries {
		target, err := os.Readlink(directory + entry.Name())
		if err != nil || strings.HasPrefix(target, "/proc/") { // the directory that is being read
			continue
		}
		if kind, _, ok := strings.Cut(target, ":["); ok && kind != "anon_inode" {
			target = kind
		}
		files = append(files, target)
	}
	slices.Sort(files)
	return files
}
