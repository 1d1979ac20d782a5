package keeper

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// estate is what a keeper hands to the program that it becomes. Fields may be added; a reader knows what zero means.
type estate struct {
	Version    int
	Socket     int
	Daemon     int // pid
	Start      uint64
	Generation int64
	Program    string
	Deaths     int
	Runs       []estateRun
	Awaited    []string
	Held       map[string]int
	Files      map[string]int
	Texts      map[string]string
	Told       []estateSignal
	Sequence   int64
}

type estateRun struct {
	ID      string
	Pid     int
	Start   uint64
	Foreign bool
}

type estateSignal struct {
	Sequence int64
	Number   int
}

const estateVersion = 1

// renewSoon becomes another program when what was just said is obeyed.
func (k *keeper) renewSoon(program string) {
	select {
	case k.renewals <- program:
	default: // it becomes one already
	}
}

// renew becomes another program, in place: the same pid, the same children, the same descriptors. When that cannot be
// executed everything goes on as it was. A signal waits, or is told of already. The caller holds mu.
func (k *keeper) renew(program string) {
	k.passAll()
	k.flush()
	if k.daemon.pid == 0 || !k.daemon.up || len(k.outbox) > 0 || len(k.looking) > 0 { // what a daemon waits for would be lost
		k.after(shortage, func() { k.renewSoon(program) })
		return
	}
	err := k.execute(program)
	k.log("become %s: %v", program, err)
}

// undisturbed does something that lets signals wait, as far as that can be, so that the program which an exec begins finds them when
// it listens. The runtime of that program opens itself to those by which its users end it before it has a handler: of these
// HUP is ignored instead, which is heeded; one of the others ends us, and the daemon, which sees that, takes it as told.
func undisturbed(exec func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set, before := patient(), unix.Sigset_t{}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, &before); err != nil {
		return os.NewSyscallError("sigmask", err)
	}
	defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) }()
	signal.Ignore(unix.SIGHUP)
	return exec()
}

// patient are the signals that wait while we become another program.
func patient() (set unix.Sigset_t) {
	for _, s := range slices.Concat(passedOn, swallowed) {
		if !ending(s) {
			set.Val[0] |= 1 << (s.(unix.Signal) - 1)
		}
	}
	return set
}

// ending are the signals that a program of Go never keeps blocked.
func ending(s os.Signal) bool {
	return s == unix.SIGHUP || s == unix.SIGINT || s == unix.SIGQUIT || s == unix.SIGTERM
}

// execute does not return, unless with an error.
func (k *keeper) execute(program string) error {
	e := k.estate()
	descriptors := []int{e.Socket}
	for _, fd := range e.Held {
		if fd >= 0 {
			descriptors = append(descriptors, fd)
		}
	}
	for _, fd := range e.Files {
		descriptors = append(descriptors, fd)
	}
	state, err := asFile(e)
	if err != nil {
		return err
	}
	order := k.order
	order.State, order.Link, order.Ready = state, -1, -1
	descriptors = append(descriptors, state)
	syscall.ForkLock.Lock() // no child may be forked while they are inheritable
	for _, fd := range descriptors {
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
	}
	err = undisturbed(func() error { return syscall.Exec(program, order.Argv(), os.Environ()) })
	signal.Notify(k.signals, unix.SIGHUP)
	for _, fd := range descriptors {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.Unlock()
	_ = unix.Close(state)
	return err
}

func (k *keeper) estate() estate {
	d := &k.daemon
	e := estate{
		Version: estateVersion, Socket: d.socket, Daemon: d.pid, Generation: d.generation, Program: d.program, Deaths: d.deaths,
		Held: k.held, Files: k.files, Texts: k.texts, Sequence: k.sequence,
	}
	if info, ok := pidfd.ReadInfo(d.pid); ok {
		e.Start = info.Start
	}
	for _, r := range k.runs {
		e.Runs = append(e.Runs, estateRun{r.id, r.pid, r.start, r.foreign})
	}
	for id := range k.awaited {
		e.Awaited = append(e.Awaited, id)
	}
	for _, s := range k.told {
		e.Told = append(e.Told, estateSignal{s.sequence, s.number})
	}
	return e
}

func asFile(e estate) (int, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return -1, err
	}
	fd, err := unix.MemfdCreate("phorever-keeper", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	for at := 0; at < len(text); {
		n, err := unix.Pwrite(fd, text[at:], int64(at))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			_ = unix.Close(fd)
			return -1, os.NewSyscallError("write", err)
		}
		at += n
	}
	return fd, nil
}

// resume goes on where another program of this keeper's left.
func (k *keeper) resume() error {
	file := os.NewFile(uintptr(k.order.State), "state")
	defer file.Close()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var e estate
	if err := json.NewDecoder(file).Decode(&e); err != nil {
		return fmt.Errorf("state of the keeper: %w", err)
	}
	if e.Version > estateVersion {
		return fmt.Errorf("state of the keeper is of version %d, this program knows %d", e.Version, estateVersion)
	}
	k.order.State = -1
	for path, fd := range e.Held {
		if fd < 0 {
			k.openFIFO(path)
			continue
		}
		unix.CloseOnExec(fd)
		k.held[path] = fd
	}
	for name, fd := range e.Files {
		unix.CloseOnExec(fd)
		k.files[name] = fd
	}
	for name, text := range e.Texts {
		k.texts[name] = text
	}
	k.sequence = e.Sequence
	for _, s := range e.Told {
		k.told = append(k.told, toldSignal{s.Sequence, s.Number})
	}
	handle, err := pidfd.OpenChecked(e.Daemon, e.Start)
	d := &k.daemon
	*d = daemon{
		pid: e.Daemon, pidfd: handle, socket: e.Socket, ours: true, up: true, generation: e.Generation, program: e.Program,
		deaths: e.Deaths, since: time.Now(), heardAt: time.Now(),
	}
	unix.CloseOnExec(d.socket)
	if err != nil { // it is our child: nobody else has reaped it, so that this cannot be
		return fmt.Errorf("the daemon %d: %w", e.Daemon, err)
	}
	for _, id := range e.Awaited {
		k.reserve(id, 0)
	}
	for _, r := range e.Runs {
		k.add(r.ID, r.Pid, r.Start, r.Foreign)
	}
	d.socketed = k.watch(d.socket, k.hear)
	d.token = k.watch(d.pidfd, k.mourn)
	k.send(message{word: welcome, texts: []string{k.version, ""}, numbers: []int64{protocol, d.generation, int64(os.Getpid())}, file: -1})
	k.tend(d.generation)
	k.sweepSoon()
	debug.FreeOSMemory()
	return nil
}
