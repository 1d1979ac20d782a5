package osproc

import (
	"errors"
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

func newForkers(t *testing.T) *Forkers {
	t.Helper()
	f := NewForkers(1, nil)
	t.Cleanup(f.Close)
	return f
}

// threadsApart are the descriptors of each thread whose file table is not ours.
func threadsApart(t *testing.T) (all [][]string) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	probe, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 500) // a number that is not used there
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(probe) }()
	for _, task := range tasks {
		directory := "/proc/self/task/" + task.Name() + "/fd/"
		if _, err := os.Lstat(directory + strconv.Itoa(probe)); err == nil {
			continue
		}
		var files []string
		entries, _ := os.ReadDir(directory)
		for _, entry := range entries {
			if target, err := os.Readlink(directory + entry.Name()); err == nil {
				files = append(files, target)
			}
		}
		if len(entries) > 0 {
			all = append(all, files)
		}
	}
	return all
}

func TestAForkOfAThreadApartSeesNoFileOfOurs(t *testing.T) {
	f := newForkers(t)
	for range 100 { // what a fork would have to copy
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = read.Close(), write.Close() })
		if _, err := unix.FcntlInt(read.Fd(), unix.F_SETFD, 0); err != nil { // as a library may leave it
			t.Fatal(err)
		}
	}
	if forkers == nil {
		eventually(t, "those of other tests have ended", func() bool { return len(threadsApart(t)) == 1 })
	}
	c := shell("ls -l /proc/self/fd >&2; echo done")
	c.Forkers = f
	if output := outputOf(t, c); !strings.HasSuffix(output, "done\n") || strings.Contains(output, "pipe:") {
		t.Errorf("the child said %q", output)
	}
	for _, files := range threadsApart(t) {
		if slices.ContainsFunc(files, func(file string) bool { return strings.HasPrefix(file, "pipe:") }) {
			t.Errorf("a thread apart holds %q", files)
		}
	}
}

// Whoever starts us may leave us a poller, which nobody can tell from the runtime's: no child is to have it.
func TestAForkOfAThreadApartInheritsNoPoller(t *testing.T) {
	event, err := unix.Eventfd(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(event) }()
	poller, err := unix.EpollCreate1(0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(poller) }()
	c := shell("ls -l /proc/self/fd")
	c.Forkers = newForkers(t)
	if output := outputOf(t, c); strings.Contains(output, "anon_inode") {
		t.Errorf("the child has\n%s", output)
	}
}

// A reader hears of the end of its writer when that has closed it, and not when a thread apart does.
func TestAThreadApartKeepsNoPipe(t *testing.T) {
	f := newForkers(t)
	c := command("true")
	c.Forkers = f
	finish(start(t, c)) // the thread is there
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	c = shell("echo word")
	c.Forkers, c.Stdout = f, int(write.Fd())
	start(t, c)
	_ = write.Close()
	buffer := make([]byte, 16)
	if err := read.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := read.Read(buffer); string(buffer[:n]) != "word\n" || err != nil {
		t.Fatalf("read %q, %v", buffer[:n], err)
	}
	if n, err := read.Read(buffer); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the end: %d bytes, %v", n, err)
	}
}

// The runtime collects garbage, stops the world and sets timers on whatever thread it is on, one of ours among them.
func TestTheRuntimeLivesOnThreadsApart(t *testing.T) {
	f := newForkers(t)
	stop := make(chan struct{})
	collected := make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				collected <- n
				return
			default:
				runtime.GC()
				timer := time.AfterFunc(time.Millisecond, func() {})
				timer.Stop()
				n++
			}
		}
	}()
	inParallel(300, func(int) {
		c := command("true")
		c.Forkers = f
		c.Env = append(c.Env, "LARGE="+strings.Repeat("x", 1<<16)) // garbage, made there
		p, err := Spawn(c)
		if err != nil {
			t.Error(err)
			return
		}
		if status, _, err := p.wait(unix.WNOWAIT); err != nil || status.Code != 0 {
			t.Errorf("it ended with %+v, %v", status, err)
		}
		finish(p)
	})
	close(stop)
	if n := <-collected; n == 0 {
		t.Error("nothing was collected meanwhile")
	}
}

func TestForkersEnd(t *testing.T) {
	if forkers != nil {
		t.Skip("there are others")
	}
	eventually(t, "those of other tests have ended", func() bool { return len(threadsApart(t)) == 0 })
	f := NewForkers(2, nil)
	if n := len(threadsApart(t)); n != 2 {
		t.Fatalf("there are %d threads apart, want 2", n)
	}
	busy := f.take()
	inParallel(30, func(int) { // more than there are threads for
		c := shell("sleep 0.01")
		c.Forkers = f
		if p, err := Spawn(c); err != nil {
			t.Error(err)
		} else {
			finish(p)
		}
	})
	f.Close()
	eventually(t, "the idle one has ended", func() bool { return len(threadsApart(t)) == 1 })
	f.put(busy)
	eventually(t, "the busy one has ended", func() bool { return len(threadsApart(t)) == 0 })
	c := command("true")
	c.Forkers = f
	finish(start(t, c)) // on the thread at hand
	f.Close()
}

// A fork whose program lies on a dead mount does not come back, and keeps one of the runtime's processors.
func TestForksLeaveTheRuntimeAProcessor(t *testing.T) {
	const processors = 4
	before, inFlight := forksInFlight, forksOf(processors)
	forksInFlight = func() chan struct{} { return inFlight }
	defer func() { forksInFlight = before }()
	for range processors - 1 {
		inFlight <- struct{}{}
	}
	c := command("true")
	c.Forkers = newForkers(t)
	started := make(chan *Process)
	go func() {
		p, err := Spawn(c)
		if err != nil {
			t.Error(err)
		}
		started <- p
	}()
	early := false
	select {
	case p := <-started:
		early = true
		finish(p)
		t.Error("it was forked on the last processor")
	case <-time.After(100 * time.Millisecond):
	}
	for range processors - 1 {
		<-inFlight
	}
	if !early {
		finish(<-started)
	}
}

// Descriptors that run out are an error before the fork, never a process that is not known.
func TestAForkApartWithoutDescriptors(t *testing.T) {
	if !pidfdWorks() {
		t.Skip("there it needs none")
	}
	f := newForkers(t)
	c := command("true")
	c.Forkers = f
	finish(start(t, c))
	var held []int
	defer func() {
		for _, fd := range held {
			_ = unix.Close(fd)
		}
	}()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := unix.Rlimit{Cur: 64, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) }()
	for {
		fd, err := unix.Dup(0)
		if err != nil {
			break
		}
		held = append(held, fd)
	}
	p, err := Spawn(c)
	if !errors.Is(err, unix.EMFILE) {
		t.Errorf("Spawn without a descriptor: %v", err)
	}
	if p != nil {
		finish(p)
	}
	_ = unix.Close(held[len(held)-1])
	held = held[:len(held)-1]
	if p, err = Spawn(c); err != nil {
		t.Errorf("with one descriptor: %v", err)
	} else {
		finish(p)
	}
}

// Files that could not be received wait in the socket, and are not those of the next child.
func TestFilesOfAnEarlierForkAreNotMistaken(t *testing.T) {
	f := newForkers(t)
	thread := f.take()
	defer f.put(thread)
	stranger, err := os.Create(t.TempDir() + "/stranger")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	thread.latest++
	for range 3 {
		if err := unix.Sendmsg(thread.socket, make([]byte, 8), unix.UnixRights(int(stranger.Fd())), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	output, err := os.Create(t.TempDir() + "/output")
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	c := shell("echo word")
	null, err := openNull()
	if err != nil {
		t.Fatal(err)
	}
	attributes := &syscall.ProcAttr{Env: c.Env, Files: []uintptr{null, output.Fd(), output.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true}}
	ticket := forkBegins()
	p := &Process{pidfd: -1, ours: true}
	if p.pid, _, err = thread.fork(c, attributes); err != nil {
		t.Fatal(err)
	}
	forkEnded(ticket, p.pid)
	_, _, _ = p.wait(unix.WNOWAIT)
	finish(p)
	for file, want := range map[*os.File]string{stranger: "", output: "word\n"} {
		if text, err := os.ReadFile(file.Name()); err != nil || string(text) != want {
			t.Errorf("%s has %q, %v; want %q", file.Name(), text, err, want)
		}
	}
}

// Files can be sent as long as all processes of the user together have not sent too many. Where they cannot, the thread at hand forks.
func TestAThreadApartThatGetsNoFiles(t *testing.T) {
	f := newForkers(t)
	thread := f.take()
	if err := unix.Shutdown(thread.socket, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	f.put(thread)
	c := shell("echo word")
	c.Forkers = f
	if output := outputOf(t, c); output != "word\n" {
		t.Errorf("the child said %q", output)
	}
}

func init() {
	modes["die-apart"] = func() {
		f := NewForkers(1, os.Stdout)
		f.take().orders <- nil
		select {}
	}
}

// The standard error of whoever started us may be waited for. What the runtime says at the end goes where it was asked to go.
func TestLastWordsOfAThreadApart(t *testing.T) {
	c := ourselves("die-apart")
	output, err := os.Create(t.TempDir() + "/words")
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	c.Stdout = int(output.Fd())
	p := start(t, c)
	if status, _, err := p.wait(unix.WNOWAIT); err != nil || status.Code != 2 {
		t.Errorf("it ended with %+v, %v", status, err)
	}
	words, err := os.ReadFile(output.Name())
	if err != nil || !strings.Contains(string(words), "nil pointer dereference") || !strings.Contains(string(words), "serve") {
		t.Errorf("its last words: %v\n%s", err, words)
	}
}
