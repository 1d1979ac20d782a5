//go:build !linux

package logs

import (
	"time"

	"golang.org/x/sys/unix"
)

// rotate puts the file aside if that is due before a batch. The caller holds f.mu.
func (f *File) rotate(o FileOptions, more int) {
	r := o.Rotate
	_, size, _, err := identify(f.fd)
	if r == (Rotation{}) || err != nil || size <= 0 || f.inside != nil || f.name == "" {
		return
	}
	if !r.due(size, f.born, time.Now()) && (r.Size <= 0 || size+int64(more) <= r.Size) {
		return
	}
	err = f.pump.aside.put(f.name, f.id, r.Keep)
	if err != nil {
		f.pump.tell(Trouble{o.Path, unrotated, err})
		return
	}
	fd, name, err := openLog(o.Path, f.pump.trust)
	if err != nil {
		return // it goes on into the one that is open
	}
	likewise(fd, f.fd)
	_ = unix.Close(f.fd)
	f.opened(fd, name, nil)
	f.born = time.Now()
	if r.Compress != "" && r.Keep > 0 {
		f.pump.packing.add(f.pump, name, r.Compress)
	}
}

// holdInode is Linux's.
func holdInode(string) (int, bool) { return -1, false }

// lowly is Linux's.
func lowly() {}

// bornAt is when a file was last written.
func bornAt(fd int) time.Time {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return time.Now()
	}
	return time.Unix(st.Mtim.Unix())
}
