package keeper

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// Supported tells whether this system has what a keeper needs.
func Supported() bool {
	fd, err := pidfd.Open(os.Getpid())
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	if pidfd.Signal(fd, 0) != nil {
		return false
	}
	_, _, err = pidfd.Peek(fd)
	return errors.Is(err, unix.ECHILD) // we are no child of ours
}

// Main is the life of a keeper, which is that of this process. It returns the exit code.
func Main(order Order, version string) int {
	debug.SetGCPercent(20)
	runtime.GOMAXPROCS(1) // it does one thing at a time, and each processor has caches of its own
	MakeThreads(spareThreads)
	SetName()
	k, err := newKeeper(order, version)
	if err == nil {
		err = becomeParent()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "phorever: error: keeper: %v\n", err)
		return 1
	}
	_ = os.Chdir("/") // a file system that we stand on could not be unmounted
	k.quiet = time.AfterFunc(time.Second, func() {
		debug.FreeOSMemory()
		DropText()
	})
	defer k.quiet.Stop()
	if order.State < 0 && signal.Ignored(unix.SIGHUP) {
		k.texts[HUPIgnored] = "true"
	}
	k.mu.Lock() // a signal that waits must find everything in its place
	k.listen()
	switch {
	case order.State >= 0:
		err = k.resume()
	case order.Link >= 0:
		k.takeOver()
	default:
		k.start(k.program())
	}
	k.sweepOn()
	k.patOn()
	k.flush()
	k.mu.Unlock()
	if err != nil {
		fmt.Fprintf(os.Stderr, "phorever: error: keeper: %v\n", err)
		return 1
	}
	go k.loop()
	<-k.done
	k.mu.Lock()
	code := k.code
	k.mu.Unlock()
	if code == SomebodyRuns { // ask the one that runs, as the command that we were began
		_ = syscall.Exec(ourselves, append([]string{order.Name}, order.Arguments...), os.Environ())
	}
	return code
}

// SetName has ps and top show our name also when we were executed as /proc/self/exe.
func SetName() {
	_ = os.WriteFile(fmt.Sprintf("/proc/self/task/%d/comm", os.Getpid()), []byte("phorever"), 0)
}

// takeOver serves a daemon that has lost its keeper until it has handed everything over.
func (k *keeper) takeOver() {
	d := &k.daemon
	_ = unix.SetNonblock(k.order.Link, true)
	unix.CloseOnExec(k.order.Link)
	d.socket, d.since, d.generation = k.order.Link, time.Now(), 1
	d.socketed = k.watch(d.socket, k.hear)
	k.send(message{word: welcome, texts: []string{k.version, ""}, numbers: []int64{protocol, 1, int64(os.Getpid())}, file: -1})
	k.send(message{word: ready, file: -1})
}
