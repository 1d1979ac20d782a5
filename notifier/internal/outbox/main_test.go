package outbox

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// The process that is killed is this binary again, with a word that says what it does and the outbox it does it to.
const (
	modeVariable = "NOTIFIER_TEST_MODE"
	pathVariable = "NOTIFIER_TEST_PATH"
	fromVariable = "NOTIFIER_TEST_FROM"
)

func TestMain(m *testing.M) {
	switch os.Getenv(modeVariable) {
	case "":
		os.Exit(run(m))
	case "commit":
		commitForever()
	case "send":
		sendAndHang()
	}
	os.Exit(1)
}

// run fails when goroutines or descriptors are left once all tests are done.
func run(m *testing.M) int {
	if r, w, err := os.Pipe(); err == nil { // opens the poller for good
		r.Close()
		w.Close()
	}
	goroutines, descriptors := runtime.NumGoroutine(), openFiles()
	code := m.Run()
	if fuzz := flag.Lookup("test.fuzz"); fuzz != nil && fuzz.Value.String() != "" {
		return code // the fuzzer leaves some of its own
	}
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

// again is this binary in another mode.
func again(mode, path string, from int) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	if _, err := os.Stat("/proc/self/exe"); err != nil {
		cmd.Path = os.Args[0]
	}
	cmd.Env = append(os.Environ(), modeVariable+"="+mode, pathVariable+"="+path, fromVariable+"="+strconv.Itoa(from))
	cmd.Stderr = os.Stderr
	return cmd
}
