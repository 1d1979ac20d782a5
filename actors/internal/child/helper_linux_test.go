package child

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// paceVariable makes the mode below slow enough for something to happen meanwhile.
const paceVariable = "CHILD_TEST_PACE"

// modes are the children that need more than a shell.
var modes = map[string]func(){
	"lines": func() { // NAME COUNT: numbered lines of many lengths, in pieces that end inside them, as stdio does
		count, _ := strconv.Atoi(os.Args[2])
		w := bufio.NewWriterSize(os.Stdout, 4096)
		for i := range count {
			fmt.Fprintf(w, "%s %d %s\n", os.Args[1], i, strings.Repeat("x", (i*7919)%200))
			if i%97 == 0 {
				w.Flush()
				if os.Getenv(paceVariable) != "" {
					time.Sleep(time.Millisecond)
				}
			}
		}
		w.Flush()
	},
}

// numbered tells what is wrong with lines of the mode above: one name's must be there from 0 to count, whole and in order.
func numbered(text, name string, count int) error {
	next := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, name+" ") {
			continue
		}
		if want := fmt.Sprintf("%s %d %s\n", name, next, strings.Repeat("x", (next*7919)%200)); line != want {
			return fmt.Errorf("line %d of %s is %q, want %q", next, name, line, want)
		}
		next++
	}
	if next != count {
		return fmt.Errorf("%s has %d lines, want %d", name, next, count)
	}
	return nil
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
	return Command{Path: path, Argv: argv, Env: environment(), Dir: "/", Stdin: -1, Stdout: -1, Stderr: -1}
}

func shell(script string, arguments ...string) Command {
	return command(append([]string{"sh", "-c", script, "sh"}, arguments...)...)
}

// ourselves runs this binary in a mode.
func ourselves(mode string, arguments ...string) Command {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	c := command(append([]string{path}, arguments...)...)
	c.Env = environment(modeVariable+"="+mode, "GORACE=atexit_sleep_ms=0")
	return c
}

func isLast(note Note) bool {
	switch note.(type) {
	case Ended, SpawnFailed:
		return true
	}
	return false
}

// ear keeps what it is told.
type ear struct {
	mu    sync.Mutex
	notes []Note
	news  chan struct{} // holds one while there may be something new
}

func newEar() *ear { return &ear{news: make(chan struct{}, 1)} }

func (e *ear) hear(note Note) {
	e.mu.Lock()
	e.notes = append(e.notes, note)
	e.mu.Unlock()
	select {
	case e.news <- struct{}{}:
	default:
	}
}

func (e *ear) heard() []Note {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Note(nil), e.notes...)
}

// await waits for a note of a kind. One goroutine waits at a time.
func await[N Note](t *testing.T, e *ear) N {
	t.Helper()
	deadline := time.After(patience)
	for {
		for _, note := range e.heard() {
			if n, ok := note.(N); ok {
				return n
			}
		}
		select {
		case <-e.news:
		case <-deadline:
			var n N
			t.Fatalf("no %T came, only %+v", n, e.heard())
		}
	}
}

// story is the notes by their kinds: "Spawned Ended".
func (e *ear) story() string {
	var kinds []string
	for _, note := range e.heard() {
		kinds = append(kinds, strings.TrimPrefix(fmt.Sprintf("%T", note), "child."))
	}
	return strings.Join(kinds, " ")
}

func wantStory(t *testing.T, want string, e *ear) {
	t.Helper()
	if got := e.story(); got != want {
		t.Errorf("want the notes %q, got %q", want, got)
	}
}

func want[T comparable](t *testing.T, what string, want, got T) {
	t.Helper()
	if want != got {
		t.Errorf("%s: want %v, got %v", what, want, got)
	}
}

// newTable makes a table that ends what the test leaves in it, and closes.
func newTable(t *testing.T, parent osproc.Parent) *Table {
	t.Helper()
	t.TempDir() // cleanups run backwards: the table is closed before the directory goes
	table, err := NewTable(parent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		table.clear(t)
		table.Close()
	})
	return table
}

// clear kills every run and waits for its end.
func (t *Table) clear(test *testing.T) {
	eventually(test, "every run ends", func() bool {
		t.mu.Lock()
		var ids []RunID
		for id := range t.runs {
			ids = append(ids, id)
		}
		t.mu.Unlock()
		for _, id := range ids {
			t.Release(id)
			t.Kill(id)
		}
		return len(ids) == 0
	})
}

// begin starts a run whose leftovers have long to obey.
func begin(table *Table, id RunID, launch Launch) *ear {
	e := newEar()
	table.Attach(id, planOf(launch), e.hear)
	return e
}

func planOf(launch Launch) Plan {
	return Plan{Leftover: time.Hour, Prepare: func(RunID) (Launch, error) { return launch, nil }}
}

// logged sends both streams of a command to one file each, which may be the same.
func logged(c Command, stdout, stderr string) Launch {
	return Launch{Command: c, Stdout: &LogFile{Path: stdout}, Stderr: &LogFile{Path: stderr}, Lines: &Lines{}}
}

// gate is a command's standard input: it reads a line when the test opens it.
func gate(t *testing.T, c *Command) (open func()) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = read.Close(), write.Close() })
	c.Stdin = int(read.Fd())
	return func() { _, _ = write.WriteString("\n") }
}

// last is the latest note of a run, whoever was attached.
func (t *Table) last(id RunID) Note {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.runs[id]; r != nil {
		return r.last
	}
	return nil
}

// eventually waits for what has no event that a test could wait for.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	eventuallyWithin(t, patience, what, holds)
}

func eventuallyWithin(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

// alive tells whether a process exists that is no zombie.
func alive(pid int) bool {
	info, ok := osproc.ReadInfo(pid)
	return ok && info.State != 'Z' && info.State != 'X'
}

// pidIn reads the pid that a script has written to a file, once it is there.
func pidIn(t *testing.T, path string) (pid int) {
	t.Helper()
	eventually(t, "a pid in "+filepath.Base(path), func() bool {
		text, _ := os.ReadFile(path)
		var err error
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil && strings.HasSuffix(string(text), "\n")
	})
	return pid
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bySignal is the status of a process that a signal has ended, as far as tests compare it.
func bySignal(signal syscall.Signal) Status { return Status{Signal: signal} }

// how is a status without what differs from run to run.
func how(status Status) Status {
	return Status{Code: status.Code, Signal: status.Signal, Lost: status.Lost}
}
