package logs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ledger is the pump's books in a file that is mapped: a store into it has happened, whatever happens to us afterwards. It
// has a counter for each clone and a record for each stage.
//
//	head      magic, version, boot id; how many slots are taken
//	records   of stages: what is on its way from a pipe into a file
//	slots     of counters, by name
type ledger struct {
	memory []byte
	fd     int

	mu     sync.Mutex
	byName map[string]int // slots
	free   int            // no slot from here on is taken
	room   int            // for so many slots the file system has given room: a store anywhere else may end us by SIGBUS
}

const (
	ledgerMagic  = "phorever ledger 1\n"
	headSize     = 4096
	highAt       = 1024
	stageRecords = 64
	stageSize    = 1024
	slotSize     = 128
	counterSize  = 16
	ledgerSlots  = 16384
	slotsAt      = headSize + stageRecords*stageSize
	ledgerSize   = slotsAt + ledgerSlots*slotSize // sparse: what is not used takes no room
)

// openLedger maps the ledger of a directory. ignored says what was there and could not be used.
func openLedger(directory, boot string) (l *ledger, ignored string, err error) {
	path := filepath.Join(directory, "ledger")
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, "", os.NewSyscallError("fstat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, "", fmt.Errorf("%s: is not a regular file", path)
	}
	fresh := st.Size == 0
	if !fresh && st.Size != ledgerSize {
		fresh, ignored = true, fmt.Sprintf("%s is damaged or of another version: lines are counted from 0", path)
	}
	l = &ledger{fd: fd, byName: map[string]int{}}
	if l.memory, err = mapLedger(fd, path, fresh); err != nil {
		return nil, ignored, err
	}
	head := append([]byte(ledgerMagic), boot...)
	if !fresh && !bytes.Equal(l.memory[:len(head)], head) {
		if bytes.HasPrefix(l.memory, []byte(ledgerMagic)) {
			ignored = "" // of another boot: there is nothing left to count
		} else {
			ignored = fmt.Sprintf("%s is damaged: lines are counted from 0", path)
		}
		fresh = true
		_ = unix.Munmap(l.memory)
		if l.memory, err = mapLedger(fd, path, fresh); err != nil {
			return nil, ignored, err
		}
	}
	if fresh {
		copy(l.memory, head)
	}
	l.index()
	return l, ignored, nil
}

// mapLedger maps the file, with nothing in it if it is to be emptied, and with room for what is always written to.
func mapLedger(fd int, path string, empty bool) ([]byte, error) {
	if empty {
		if err := unix.Ftruncate(fd, 0); err != nil {
			return nil, os.NewSyscallError("ftruncate", err)
		}
	}
	if err := unix.Ftruncate(fd, ledgerSize); err != nil {
		return nil, os.NewSyscallError("ftruncate", err)
	}
	if err := makeRoom(fd, 0, slotsAt); err != nil {
		return nil, &os.PathError{Op: "make room", Path: path, Err: err}
	}
	memory, err := unix.Mmap(fd, 0, ledgerSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return memory, nil
}

// index reads what is there.
func (l *ledger) index() {
	l.free = min(int(l.high().Load()), ledgerSlots)
	l.room = l.free // they were written to
	for i := range l.free {
		l.byName[nameIn(l.slot(i)[counterSize:])] = i
	}
}

// high is how many slots are taken: what lies behind them has never been touched.
func (l *ledger) high() *atomic.Int64 { return (*atomic.Int64)(unsafe.Pointer(&l.memory[highAt])) }

func (l *ledger) slot(i int) []byte {
	at := slotsAt + i*slotSize
	return l.memory[at : at+slotSize : at+slotSize]
}

// counter is the counter of a name, which goes on from where it was; on the heap where the ledger has no room for it.
func (l *ledger) counter(name string) *Counter {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.byName[name]
	if !ok {
		if i = l.free; i == ledgerSlots || len(name) >= slotSize-counterSize || !l.hasRoom(i) {
			return new(Counter)
		}
		slot := l.slot(i)
		clear(slot)
		copy(slot[counterSize:], name)
		l.free++
		l.high().Store(int64(l.free))
		l.byName[name] = i
	}
	return (*Counter)(unsafe.Pointer(&l.slot(i)[0])) // two aligned 64-bit words, without pointers
}

// roomStep is for how many slots room is made at once: 4 KiB.
const roomStep = 4096 / slotSize

// hasRoom makes room for a slot.
func (l *ledger) hasRoom(i int) bool {
	if i >= l.room {
		if makeRoom(l.fd, slotsAt+int64(i)*slotSize, roomStep*slotSize) != nil {
			return false
		}
		l.room = i + roomStep
	}
	return true
}

// makeRoom has the file system give room to a part of the file that may be a hole. What is there is not changed.
func makeRoom(fd int, at, length int64) error {
	for {
		err := unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, at, length)
		switch err {
		case unix.EINTR:
		case unix.EOPNOTSUPP, unix.ENOSYS:
			return fillHoles(fd, at, length)
		default:
			return err
		}
	}
}

// fillHoles writes what is there once more.
func fillHoles(fd int, at, length int64) error {
	text := make([]byte, length)
	if n, err := unix.Pread(fd, text, at); err != nil || n < len(text) {
		return unix.EIO
	}
	n, err := unix.Pwrite(fd, text, at)
	if err == nil && n < len(text) {
		err = unix.ENOSPC
	}
	return err
}

// leave makes no more room. The counters go on.
func (l *ledger) leave() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = unix.Close(l.fd)
	l.fd = -1
}

// slotOf is the number of a counter's slot, -1 for one on the heap.
func (l *ledger) slotOf(c *Counter) int {
	at := uintptr(unsafe.Pointer(c)) - uintptr(unsafe.Pointer(&l.slot(0)[0]))
	if at >= ledgerSlots*slotSize {
		return -1
	}
	return int(at / slotSize)
}

func (l *ledger) counterAt(i int) *Counter {
	if i < 0 || i >= l.free {
		return new(Counter)
	}
	return (*Counter)(unsafe.Pointer(&l.slot(i)[0]))
}

// nameAt is the name of a counter's slot, "" for one on the heap.
func (l *ledger) nameAt(i int) string {
	if i < 0 || i >= l.free {
		return ""
	}
	return nameIn(l.slot(i)[counterSize:])
}

func nameIn(from []byte) string {
	name, _, _ := bytes.Cut(from, []byte{0})
	return string(name)
}
