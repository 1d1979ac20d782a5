package osproc

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	modes["show-clean"] = showClean
}

// showClean prints the status that a child of ours has, however this process was started.
func showClean() {
	HandleIgnored()
	c := command("cat", "/proc/self/status")
	c.Stdout = 1
	c.ShimPath = "" // the plain way must do
	p, err := Spawn(c)
	if err != nil {
		_, _ = os.Stdout.WriteString("error: " + err.Error())
		return
	}
	_, _, _ = p.wait(unix.WNOWAIT)
	_ = p.reap()
}

// ways are the two ways to start a process: directly and with our own binary in between.
var ways = map[string]Shim{"plain": {}, "shim": {NoNewPrivs: true}}

func TestAChildIsClean(t *testing.T) {
	// Descriptors that a careless library, or whoever started us, left inheritable.
	for range 3 {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	for name, shim := range ways {
		t.Run(name, func(t *testing.T) {
			c := command("cat")
			c.Shim = shim
			onPipe(t, &c)
			p := start(t, c)
			pid := strconv.Itoa(p.Pid())
			eventually(t, "it runs, with nothing open but its three", func() bool { // its libraries are open while it is loaded
				return slices.Equal(filesOf(p.Pid()), []string{"/dev/null", "/dev/null", "pipe"})
			})
			for _, set := range []string{"SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"} {
				if got := statusOf(t, pid, set); got != "0000000000000000" {
					t.Errorf("%s is %s", set, got)
				}
			}
			info, ok := ReadInfo(p.Pid())
			if want := (Info{State: info.State, Parent: os.Getpid(), Group: p.Pid(), Session: p.Pid(), Start: p.StartTime()}); !ok || info != want {
				t.Errorf("got %+v, want %+v", info, want)
			}
			if got := linkOf(t, pid, "cwd"); got != here(t) {
				t.Errorf("directory %s, want ours: %s", got, here(t))
			}
			var environ []byte
			eventually(t, "the program has its environment", func() bool { // the fork returns a moment before
				environ, _ = os.ReadFile("/proc/" + pid + "/environ")
				return len(environ) > 0
			})
			if got := strings.Split(strings.TrimSuffix(string(environ), "\x00"), "\x00"); !slices.Equal(got, c.Env) {
				t.Errorf("environment %q, want %q", got, c.Env)
			}
			arguments, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			if got := strings.Split(strings.TrimSuffix(string(arguments), "\x00"), "\x00"); !slices.Equal(got, c.Argv) {
				t.Errorf("arguments %q, want %q", got, c.Argv)
			}
		})
	}
}

func linkOf(t *testing.T, pid, name string) string {
	t.Helper()
	target, err := os.Readlink("/proc/" + pid + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func here(t *testing.T) string {
	t.Helper()
	directory, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return directory
}

func TestAChildStartsInItsDirectory(t *testing.T) {
	directory, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, shim := range ways {
		c := command("pwd")
		c.Dir, c.Shim = directory, shim
		if got := strings.TrimSpace(outputOf(t, c)); got != directory {
			t.Errorf("%s: started in %s, want %s", name, got, directory)
		}
	}
}

func TestAChildOfAnIgnoringParentIsClean(t *testing.T) {
	c := ourselves("show-clean")
	c.Path, c.Argv = command("sh").Path, []string{"sh", "-c", `trap "" HUP INT USR1 PIPE TTOU; exec "$0"`, self()}
	status := outputOf(t, c)
	for _, set := range []string{"SigBlk", "SigIgn"} {
		if got := fieldOf(t, status, set); got != "0000000000000000" {
			t.Errorf("%s is %s", set, got)
		}
	}
}

func TestAChildOfABlockedParentIsClean(t *testing.T) {
	path := filepath.Join(t.TempDir(), "output")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := ourselves("show-clean")
	done := make(chan error)
	go func() { // the mask is this thread's, and the thread ends with the goroutine
		runtime.LockOSThread()
		var mask unix.Sigset_t
		mask.Val[0] = 1<<(syscall.SIGUSR1-1) | 1<<(syscall.SIGTERM-1) | 1<<(syscall.SIGHUP-1)
		if err := unix.PthreadSigmask(unix.SIG_BLOCK, &mask, nil); err != nil {
			done <- err
			return
		}
		pid, err := syscall.ForkExec(c.Path, c.Argv, &syscall.ProcAttr{Env: c.Env, Files: []uintptr{0, file.Fd(), file.Fd()}})
		if err == nil {
			_, err = syscall.Wait4(pid, nil, 0, nil)
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	output, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"SigBlk", "SigIgn"} {
		if got := fieldOf(t, string(output), set); got != "0000000000000000" {
			t.Errorf("%s is %s", set, got)
		}
	}
}
