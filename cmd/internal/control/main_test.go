package control

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
)

// Another user is this binary again, with a word that says what to do and the place to do it in.
const (
	modeVariable  = "CONTROL_TEST_MODE"
	placeVariable = "CONTROL_TEST_PLACE"
	nobody        = 65534
)

func TestMain(m *testing.M) {
	switch os.Getenv(modeVariable) {
	case "":
		os.Exit(run(m))
	case "locate":
		fmt.Println(Locate("/srv/app/phorever.json").Directory)
	case "ask":
		_, err := NewClient(placeIn(os.Getenv(placeVariable))).Status(context.Background(), nil, false)
		fmt.Println(err)
	case "serve":
		server, err := Serve(placeIn(os.Getenv(placeVariable)), &fakeSystem{}, &fakeDaemon{}, logrus.New(), func() {}, nil)
		fmt.Println(err)
		if err == nil {
			_, _ = os.Stdin.Read(make([]byte, 1))
			server.Close()
		}
	}
	os.Exit(0)
}

// run fails when goroutines or descriptors are left once all tests are done.
func run(m *testing.M) int {
	if pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0); err == nil { // opens the poller for good
		file := os.NewFile(uintptr(pair[0]), "")
		if connection, err := net.FileConn(file); err == nil {
			connection.Close()
		}
		file.Close()
		_ = syscall.Close(pair[1])
	}
	goroutines, descriptors := runtime.NumGoroutine(), openFiles()
	code := m.Run()
	for end := time.Now().Add(5 * time.Second); code == 0; time.Sleep(10 * time.Millisecond) {
		moreGoroutines, moreDescriptors := runtime.NumGoroutine()-goroutines, openFiles()-descriptors
		if moreGoroutines <= 0 && moreDescriptors <= 0 {
			break
		}
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			fmt.Fprintf(os.Stderr, "LEAK: %d goroutines and %d descriptors\n%s\n",
				moreGoroutines, moreDescriptors, stacks[:runtime.Stack(stacks, true)])
			code = 1
		}
	}
	return code
}

// openFiles is how many descriptors we have; where nobody can say, always the same.
func openFiles() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// again is this binary in another mode, as nobody when we are root.
func again(t *testing.T, mode, place string, environment ...string) *exec.Cmd {
	t.Helper()
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		t.Skip("needs /proc: another user may not reach the binary by its path")
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), modeVariable+"="+mode, placeVariable+"="+place, "GORACE=atexit_sleep_ms=0")
	cmd.Env = append(cmd.Env, environment...)
	cmd.Stderr = os.Stderr
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return cmd
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func placeIn(directory string) Place {
	return Place{
		Config: "/srv/app/phorever.json", Key: "app-1", Directory: directory,
		Lock: filepath.Join(directory, "app-1.lock"), Socket: filepath.Join(directory, "app-1.sock"),
	}
}

// newPlace is one with a short path, of its own for each test: root has only one runtime directory.
func newPlace(t *testing.T) Place {
	t.Helper()
	top, err := os.MkdirTemp("", "ctl") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	return placeIn(filepath.Join(top, "run"))
}

func serve(t *testing.T, place Place, system *fakeSystem, daemon *fakeDaemon) *Server {
	t.Helper()
	log, _ := logtest.NewNullLogger()
	server, err := Serve(place, system, daemon, log, func() {}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// lock holds the lock of a place, as a daemon with this pid does, until unlock or the test's end.
func lock(t *testing.T, place Place, pid int) (unlock func()) {
	t.Helper()
	if err := place.Prepare(); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(place.Lock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	fmt.Fprintln(file, pid)
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	return func() { file.Close() }
}

// soon waits for something that has to come; it fails the test when it does not.
func soon[T any](t *testing.T, what string, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s did not come", what)
	}
	return value
}

// promptly fails the test when f takes longer than the limit, which is far above what it needs.
func promptly(t *testing.T, limit time.Duration, f func()) {
	t.Helper()
	begin := time.Now()
	f()
	if took := time.Since(begin); took > limit {
		t.Errorf("it took %s, want less than %s", took, limit)
	}
}
