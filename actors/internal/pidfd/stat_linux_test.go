package pidfd

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A process whose first thread leaves with one code, and which ends with another.
func init() {
	if os.Getenv("PIDFD_TEST_LEAVE") == "" {
		return
	}
	runtime.LockOSThread() // init runs on the first thread
	go func() {
		for { // until the first thread is a zombie
			if s, err := readStat(os.Getpid()); err == nil && s[fieldState] == 'Z' {
				os.Exit(3)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT, 5, 0, 0)
}

func TestAnExactEndIsThatOfTheWholeProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		command *exec.Cmd
		want    Status
	}{
		{"the first thread leaves before the others", exec.Command(self), Status{Code: 3}},
		{"exit 0", exec.Command("sh", "-c", "exit 0"), Status{}},
		{"exit 255", exec.Command("sh", "-c", "exit 255"), Status{Code: 255}},
		{"killed", exec.Command("sh", "-c", "kill -9 $$"), Status{Signal: syscall.SIGKILL}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.command.Env = append(os.Environ(), "PIDFD_TEST_LEAVE=1")
			if err := c.command.Start(); err != nil {
				t.Fatal(err)
			}
			pid := c.command.Process.Pid
			info, ok := ReadInfo(pid)
			if !ok {
				t.Fatal("it has no information")
			}
			fd, err := Open(pid)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			wait(t, fd)
			got, ok := Exact(pid, info.Start)
			byParent, _, err := Peek(fd)
			if err != nil {
				t.Fatal(err)
			}
			if byParent.Code != c.want.Code || byParent.Signal != c.want.Signal {
				t.Errorf("its parent sees %+v, want %+v", byParent, c.want)
			}
			if ok && (got.Code != c.want.Code || got.Signal != c.want.Signal) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if mayTrace() && tellsOfAll() && !ok {
				t.Error("it is not told")
			}
			if _, ok := Exact(pid, info.Start+1); ok {
				t.Error("another process with that number is told of")
			}
			_ = c.command.Wait()
			if _, ok := Exact(pid, info.Start); ok {
				t.Error("it is told after it was reaped")
			}
		})
	}
}

func TestALineOfStatIsReadWhateverTheNameIs(t *testing.T) {
	tail := " S 7 8 9 0 -1 4194560 1 2 3 4 11 12 0 0 20 0 1 0 1234567 " + strings.Repeat("18446744073709551615 ", 29) + "0 0 256"
	for _, name := range []string{"sh", "a) R 1 (b", "", ") ", "x\ny"} {
		s, ok := parseStat([]byte("42 (" + name + ")" + tail))
		if !ok || s[fieldState] != 'S' || s[fieldParent] != 7 || s[fieldGroup] != 8 || s[fieldSession] != 9 || s[fieldStart] != 1234567 || s[fieldUser] != 11 {
			t.Errorf("%q: %v %v", name, ok, s)
		}
	}
	for _, line := range []string{"", "42", "42 (sh)", "42 (sh) ", "42 (sh) S 1 2 3", "42 (sh) S x y"} {
		if s, ok := parseStat([]byte(line)); ok {
			t.Errorf("%q is read as %v", line, s)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25"))
	f.Add([]byte(") "))
	f.Fuzz(func(t *testing.T, line []byte) { _, _ = parseStat(line) })
}

// Only an address space that is complete tells where an environment ends.
func TestAnAddressSpaceIsLaidOut(t *testing.T) {
	for _, c := range []struct {
		name             string
		code, start, end int64
		want             bool
	}{
		{"not begun", 0, 0, 0, false},
		{"the arguments are there, and the environment is being counted", 0, 0x7ffd1000, 0x7ffd1000, false},
		{"a program with an environment", 0x401000, 0x7ffd1000, 0x7ffd1200, true},
		{"a program without any", 0x401000, 0x7ffd1000, 0x7ffd1000, true},
		{"one that we may not see", 1, 0, 0, false},
	} {
		s := stat{fieldCode: c.code, fieldEnvStart: c.start, fieldEnvEnd: c.end}
		if got := s.laidOut(); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
	if s, err := readStat(os.Getpid()); err != nil || !s.laidOut() {
		t.Errorf("we are not laid out: %v, %v", s, err)
	}
}

// A thread of the kernel has no address space, and an ended process has none any more.
func TestWhatHasNoAddressSpace(t *testing.T) {
	for _, c := range []struct {
		line string
		want bool
	}{
		{"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0", true},
		{"9 (sh) S 1 9 0 0 -1 4194304 0 0 0 0", false},
		{"9 (sh) Z 1 9 9 0 -1 4227084 0 0 0 0", true},
	} {
		if s, _ := parseStat([]byte(c.line)); s.bare() != c.want {
			t.Errorf("%s: got %v", c.line, s.bare())
		}
	}
}
