package keeper

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// Orphans is the kernel's list of the children of a keeper's first thread: those that lost their parent. After another
// program has become the keeper it holds all of its children.
type Orphans struct {
	file  int // -1 where the kernel has no such list
	state int // of the thread, /proc/PID/task/PID/stat
}

// OrphansOf opens the list of the keeper with a pid, which stays open for ever.
func OrphansOf(keeper int) *Orphans {
	self := strconv.Itoa(keeper)
	open := func(name string) int {
		fd, err := unix.Open("/proc/"+self+"/task/"+self+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1
		}
		return fd
	}
	return &Orphans{open("children"), open("stat")}
}

// Read is the list of now. ok is false where there is none, or no such keeper any more. It is safe for concurrent use.
func (o *Orphans) Read() (all []int, ok bool) {
	if o.file < 0 {
		return nil, false
	}
	all, ok = o.read()
	return all, ok && o.lives()
}

// lives says whether the thread has not ended. The kernel gives its children to somebody else in the same moment in which it becomes a
// zombie (exit_notify in kernel/exit.c), which it may be for long: whoever asks behind a look at the list knows what an empty one means.
func (o *Orphans) lives() bool {
	var buffer [512]byte
	for {
		n, err := unix.Pread(o.state, buffer[:], 0)
		if err == unix.EINTR {
			continue
		}
		end := bytes.LastIndexByte(buffer[:max(n, 0)], ')') + 2 // "PID (name) S …"
		return err == nil && end >= 2 && end < n && buffer[end] != 'Z' && buffer[end] != 'X'
	}
}

func (o *Orphans) read() (all []int, ok bool) {
	var buffer [4096]byte
	pid := 0
	for at := int64(0); ; {
		n, err := unix.Pread(o.file, buffer[:], at)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return all, err == nil
		}
		for _, c := range buffer[:n] {
			switch {
			case c >= '0' && c <= '9':
				pid = pid*10 + int(c-'0')
			case pid > 0:
				all = append(all, pid)
				pid = 0
			}
		}
		at += int64(n)
	}
}
