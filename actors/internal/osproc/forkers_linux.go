package osproc

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// forker is a thread that forks.
type forker struct {
	socket int // the files of a child go through it, from our table into that of the thread
	orders chan *forkOrder
	latest uint64 // of the orders
}

type forkOrder struct {
	command    Command
	attributes syscall.ProcAttr // its files are places in what came through the socket
	files      int              // how many
	number     uint64           // that they bear
	pid        int
	start      uint64 // see forkExec
	err        error
	done       chan struct{}
}

// runtimeFiles are the descriptors that the Go runtime may use on any thread: those of its poller. Which of the kind are the runtime's
// cannot be told, so that these are all that there are now. None says that there can be no forkers.
func runtimeFiles() (all []int) {
	read, write, err := os.Pipe() // the poller comes with the first thing to be polled
	if err != nil {
		return nil
	}
	defer read.Close()
	defer write.Close()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && polls(fd) {
			all = append(all, fd)
		}
	}
	return all
}

// polls tells whether a descriptor of this thread is of the kind that a poller has.
func polls(fd int) bool {
	what, err := os.Readlink(fmt.Sprintf("/proc/thread-self/fd/%d", fd))
	return err == nil && (what == "anon_inode:[eventpoll]" || what == "anon_inode:[eventfd]")
}

// newForker starts a thread.
func newForker(keep []int, words *os.File) (*forker, error) {
	if len(keep) == 0 {
		return nil, errNoForker
	}
	null, err := openNull()
	if err != nil {
		return nil, err
	}
	standard := [3]int{int(null), int(null), int(null)}
	if words != nil {
		standard[2] = int(words.Fd())
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := &forker{socket: ends[0], orders: make(chan *forkOrder)}
	defer func() { _ = unix.Close(ends[1]) }() // the thread has its own, if there is one
	var before, after unix.Stat_t
	_ = unix.Fstat(f.socket, &before)
	parted, goOn := make(chan error), make(chan bool)
	go onThread(func() {
		// A range in which there is nothing. The older unshare is refused in most containers, and by their seccomp filters.
		err := unix.CloseRange(^uint(0)>>1, ^uint(0)>>1, unix.CLOSE_RANGE_UNSHARE)
		if err == nil {
			_ = unix.Close(f.socket)
		}
		parted <- err
		if <-goOn {
			for fd := 2; fd >= 0; fd-- {
				_ = unix.Dup3(standard[fd], fd, 0)
			}
			kept := slices.DeleteFunc(slices.Clone(keep), func(fd int) bool { return !polls(fd) })
			for _, fd := range kept { // one that we were started with may be inheritable
				unix.CloseOnExec(fd)
			}
			closeOthers(append(kept, ends[1]))
			f.serve(ends[1])
		}
	})
	err = <-parted
	// What would be closed next is not to be ours: a sandbox may know the call, and not the flag.
	alone := err == nil && unix.Fstat(f.socket, &after) == nil && before.Dev == after.Dev && before.Ino == after.Ino
	goOn <- alone
	if !alone {
		if err != nil {
			_ = unix.Close(f.socket)
		}
		return nil, errNoForker
	}
	return f, nil
}

// end ends the thread, which has no order.
func (f *forker) end() {
	close(f.orders)
	_ = unix.Close(f.socket)
}

// closeOthers closes all descriptors of the thread but the standard ones and some.
func closeOthers(some []int) {
	slices.Sort(some)
	next := 3
	for _, fd := range some {
		if fd > next {
			_ = unix.CloseRange(uint(next), uint(fd-1), 0)
		}
		next = max(next, fd+1)
	}
	_ = unix.CloseRange(uint(next), 1<<31-1, 0)
}

// serve is on the thread.
func (f *forker) serve(socket int) {
	for o := range f.orders {
		o.pid, o.start, o.err = o.fork(socket)
		close(o.done)
	}
}

func (f *forker) fork(c Command, a *syscall.ProcAttr) (pid int, start uint64, err error) {
	o := &forkOrder{command: c, attributes: *a, done: make(chan struct{})}
	var files []int
	o.attributes.Files = make([]uintptr, len(a.Files))
	for i, file := range a.Files {
		place := slices.Index(files, int(file))
		if place < 0 {
			place = len(files)
			files = append(files, int(file))
		}
		o.attributes.Files[i] = uintptr(place)
	}
	f.latest++
	o.files, o.number = len(files), f.latest
	number := binary.NativeEndian.AppendUint64(nil, o.number)
	if err := interrupted(func() error {
		return unix.Sendmsg(f.socket, number, unix.UnixRights(files...), nil, unix.MSG_NOSIGNAL)
	}); err != nil {
		return 0, 0, errNoForker // the kernel counts what all processes of a user have under way
	}
	f.orders <- o
	<-o.done
	return o.pid, o.start, o.err
}

// fork is on the thread.
func (o *forkOrder) fork(socket int) (pid int, start uint64, err error) {
	files, err := receiveFiles(socket, o.number, o.files)
	defer func() { closeAll(files) }()
	if err != nil {
		return 0, 0, errNoForker
	}
	for i, place := range o.attributes.Files {
		o.attributes.Files[i] = uintptr(files[place])
	}
	return forkExec(o.command, &o.attributes)
}

// receiveFiles takes the n files with a number, which are to be closed also if there is an error. Those of an earlier number were left
// there when receiving failed, and are not mistaken for them.
func receiveFiles(socket int, number uint64, n int) (files []int, err error) {
	text, control := make([]byte, 8), make([]byte, unix.CmsgSpace(4*mostFiles))
	for {
		var length int
		err = interrupted(func() (err error) {
			_, length, _, _, err = unix.Recvmsg(socket, text, control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
			return err
		})
		if err != nil {
			return nil, err
		}
		if files, err = filesIn(control[:length]); err != nil || binary.NativeEndian.Uint64(text) == number {
			break
		}
		closeAll(files)
	}
	if err == nil && len(files) < n { // the kernel drops those for which the table has no room
		err = unix.EMFILE
	}
	return files, err
}

// mostFiles is how many a child has: the standard ones, and what the shim reports to.
const mostFiles = 4

func filesIn(control []byte) (files []int, err error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		some, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, err
		}
		files = append(files, some...)
	}
	return files, nil
}

func closeAll(files []int) {
	for _, file := range files {
		_ = unix.Close(file)
	}
}
