package keeper

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Orphans is the kernel's list of the children of a keeper's first thread: those that lost their parent. After another
// program has become the keeper it holds all of its children.
type Orphans struct{ file int } // -1 where the kernel has no such list

// OrphansOf opens the list of the keeper with a pid, which stays open for ever.
func OrphansOf(keeper int) *Orphans {
	self := strconv.Itoa(keeper)
	fd, err := unix.Open("/proc/"+self+"/task/"+self+"/children", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = -1
	}
	return &Orphans{fd}
}

// Read is the list of now. ok is false where there is none, or no such keeper any more. It is safe for concurrent use.
func (o *Orphans) Read() (all []int, ok bool) {
	if o.file < 0 {
		return nil, false
	}
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
