package osproc

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
)

// cookie is in the environment of everything that a test starts, however far it strays: what carries it at the end was
// left behind. Its value is the pid of the test process.
const cookie = "OSPROC_TEST_OF"

// modeVariable makes this binary one of the children below.
const modeVariable = "OSPROC_TEST_MODE"

// modes are the children that need more than a shell.
var modes = map[string]func(){}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "exec-child" {
		ExecChild(os.Args[2:])
	}
	if mode := modes[os.Getenv(modeVariable)]; mode != nil {
		mode()
		os.Exit(0)
	}
	switch os.Getenv(againVariable) {
	case withoutPidfd:
		pidfdWorks = func() bool { return false }
	case asSubreaper:
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case apart:
		forkers = NewForkers(3, nil)
	}
	os.Exit(run(m))
}

// againVariable makes a test binary run the tests in another situation.
const (
	againVariable = "OSPROC_TEST_AGAIN"
	withoutPidfd  = "without-pidfd"
	asSubreaper   = "as-subreaper"
	apart         = "apart"
)

// forkers is where all tests fork, nil on the thread at hand.
var forkers *Forkers

// Every test of this package must pass where there is no pidfd, where orphans come to this process, and where threads apart fork.
func TestAllAgain(t *testing.T) {
	if os.Getenv(againVariable) != "" {
		t.Skip("this is it")
	}
	for _, situation := range []string{withoutPidfd, asSubreaper, apart} {
		t.Run(situation, func(t *testing.T) {
			c := ourselves("")
			c.Argv = append(c.Argv, "-test.v", "-test.timeout=2m")
			c.Env = append(c.Env, againVariable+"="+situation, "TMPDIR="+t.TempDir())
			output, status := outputAndEnd(t, c)
			if status.Code != 0 || status.Signal != 0 {
				t.Errorf("ended with %+v:\n%s", status, output)
			}
		})
	}
}

func run(m *testing.M) int {
	HandleIgnored() // whoever runs the tests in the background may have had INT and HUP ignored
	// A child that QUIT ends must not leave a core file anywhere.
	_ = syscall.Setrlimit(unix.RLIMIT_CORE, &syscall.Rlimit{})
	_ = os.Setenv(cookie, strconv.Itoa(os.Getpid()))
	if err := warmUp(); err != nil {
		fmt.Fprintln(os.Stderr, "warm up:", err)
		return 1
	}
	before := openFiles()
	code := m.Run()
	if code != 0 {
		return code
	}
	if forkers != nil {
		forkers.Close()
	}
	if leak := leaks(before); leak != "" {
		fmt.Fprintln(os.Stderr, "LEAK:", leak)
		return 1
	}
	return 0
}

// warmUp opens what stays open for ever: /dev/null, and what the runtime's own poller needs.
func warmUp() error {
	l, err := NewLoop()
	if err != nil {
		return err
	}
	defer l.Close()
	for _, shim := range []Shim{{}, {NoNewPrivs: true}} {
		c := shell("exit 0")
		c.Shim = shim
		p, err := Spawn(c)
		if err != nil {
			return err
		}
		finish(p)
	}
	return nil
}

// leaks is what the tests left behind, once it had a little time to go.
func leaks(before []string) string {
	if adopts() { // what the tests orphaned
		if l, err := NewLoop(); err == nil {
			defer l.Close()
		}
	}
	var found string
	for range 500 {
		found = leakNow(before)
		if found == "" {
			return ""
		}
		time.Sleep(10 * time.Millisecond)
	}
	return found
}

func leakNow(before []string) string {
	if adopts() {
		before = append(slices.Clone(before), "anon_inode:[eventfd]", "anon_inode:[eventpoll]")
		slices.Sort(before)
	}
	if zombie, some := anyChild(); some {
		return fmt.Sprintf("a child is not reaped (zombie %d, 0: it lives)", zombie)
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
		if adopts() && bytes.Contains(stack, []byte("osproc.(*Loop)")) {
			continue
		}
		if bytes.Contains(stack, []byte("osproc.")) && !bytes.Contains(stack, []byte("osproc.leakNow")) {
			return "a goroutine:\n" + string(stack)
		}
	}
	return ""
}

// strays are the living processes that carry our cookie.
func strays() []int {
	var found []int
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, _ := os.ReadFile("/proc/" + entry.Name() + "/environ")
		if slices.Contains(strings.Split(string(environ), "\x00"), cookie+"="+strconv.Itoa(os.Getpid())) {
			found = append(found, pid)
		}
	}
	return found
}

// openFiles is what is behind each descriptor of this process, sorted. Pipes and the like are told without their numbers.
func openFiles() []string { return filesOf(os.Getpid()) }

func filesOf(pid int) []string {
	directory := fmt.Sprintf("/proc/%d/fd/", pid)
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
		if forkers != nil && target == "socket" { // of a thread: they are ended before the last look
			continue
		}
		files = append(files, target)
	}
	slices.Sort(files)
	return files
}
