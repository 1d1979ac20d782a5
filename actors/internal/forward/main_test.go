package forward

import (
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dcousineau/phorever/spec"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

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

// brisk is a tempo for tests.
var brisk = tempo{patience: 300 * time.Millisecond, first: 5 * time.Millisecond, last: 40 * time.Millisecond, check: 5 * time.Millisecond}

var (
	web  = Source{Process: "web", Clone: 2, Run: 13, Stream: "stdout", Pid: 4711}
	noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
)

func target(t testing.TB, text string) Target {
	t.Helper()
	parsed, err := spec.ParseLogTarget(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// notes is what a forwarder told.
type notes struct {
	mu   sync.Mutex
	all  []Note
	news chan struct{}
}

func newNotes() *notes { return &notes{news: make(chan struct{}, 1)} }

func (n *notes) hear(note Note) {
	n.mu.Lock()
	n.all = append(n.all, note)
	n.mu.Unlock()
	select {
	case n.news <- struct{}{}:
	default:
	}
}

// await waits for a note of a kind, the first one from a place on, and returns the place behind it.
func await[T Note](t *testing.T, n *notes, from int) (note T, next int) {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		n.mu.Lock()
		all := n.all
		n.mu.Unlock()
		for i := from; i < len(all); i++ {
			if found, ok := all[i].(T); ok {
				return found, i + 1
			}
		}
		select {
		case <-n.news:
		case <-limit:
			t.Fatalf("no %T among %+v", note, all)
		}
	}
}

// begin starts a forwarder that ends with the test.
func begin(t testing.TB, text string, o Options) *Forwarder {
	t.Helper()
	f := start(target(t, text), o, brisk)
	t.Cleanup(func() { f.Close(time.Second) })
	return f
}

// soon waits for something that has to come.
func soon[T any](t testing.TB, what string, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s did not come", what)
	}
	return value
}

func wantCounts(t testing.TB, f *Forwarder, wantSent, wantDropped int64) {
	t.Helper()
	if sent, dropped := f.Counts(); sent != wantSent || dropped != wantDropped {
		t.Errorf("sent %d, dropped %d; want %d, %d", sent, dropped, wantSent, wantDropped)
	}
}

// packetServer reads datagrams.
func packetServer(t *testing.T, network, address string) (where string, messages <-chan string) {
	t.Helper()
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	c := make(chan string, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 1<<20)
		for {
			n, _, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			c <- string(buffer[:n])
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return conn.LocalAddr().String(), c
}

func socketIn(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "fwd") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	return filepath.Join(directory, "s")
}
