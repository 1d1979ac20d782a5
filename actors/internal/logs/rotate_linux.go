package logs

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// rotate puts the file of a stream aside if that is due before the lines that were seen, and says how much of them goes into the
// file as it is then. An unfinished line that the file ends with is finished there.
func (p *Pump) rotate(s *Stream, seen []byte) int {
	f := s.file
	r := f.options.Rotate
	if r == (Rotation{}) || !f.regular || f.holder != nil || f.torn || f.fd < 0 || len(seen) == 0 {
		return len(seen)
	}
	fits := r.fits(f.pos, seen)
	if fits > 0 && !r.due(f.pos, f.born, p.now) {
		return fits
	}
	if f.name == "" || p.now.Before(f.patient) || !p.putAside(s) {
		return len(seen)
	}
	return r.fits(f.pos, seen)
}

// putAside says whether the stream has another file now. The goroutine may end here; see guard.
func (p *Pump) putAside(s *Stream) bool {
	f := s.file
	fd, id, name, path, keep := f.fd, f.id, f.name, f.options.Path, f.options.Rotate.Keep
	var found finding
	p.active = s
	_, err := p.guard(f, opening, func() (_ int, err error) {
		if err = p.aside.put(name, id, keep); err != nil {
			return -1, err
		}
		if found, err = p.find(path); err != nil {
			return -1, err
		}
		if found.size == 0 && found.id != id {
			likewise(found.fd, fd)
		}
		return found.fd, nil
	})
	p.active = nil
	if err != nil { // the lines go on into the one that is open, whatever its name is
		f.patient = p.now.Add(retryEvery)
		p.complain(f, err)
		return false
	}
	f.worry = ""
	p.exchange(f, found)
	if found.size == 0 {
		f.born = p.now
	}
	if how := f.options.Rotate.Compress; how != "" && keep > 0 {
		p.packing.add(p, name, how)
	}
	return true
}

// complain tells what cannot be done, once for each time that it begins.
func (p *Pump) complain(f *File, err error) {
	if text := err.Error(); f.worry != text {
		f.worry = text
		p.tell(Trouble{f.options.Path, unrotated, err})
	}
}

// holdInode keeps a file on the disk when its name goes, until its descriptor is closed.
func holdInode(name string) (fd int, held bool) {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	return fd, err == nil
}

// lowly makes the calling goroutine the only one on a thread that nothing else waits for, for as long as it runs.
func lowly() {
	runtime.LockOSThread() // the thread ends with the goroutine
	const idle = 3 << 13   // the class IOPRIO_CLASS_IDLE
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), 19)
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, 1, 0, idle)
}

// bornAt is when a file was made, as far as its file system knows; else when it was last written.
func bornAt(fd int) time.Time {
	var st unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BTIME|unix.STATX_MTIME, &st) != nil {
		return time.Now()
	}
	at := st.Mtime
	if st.Mask&unix.STATX_BTIME != 0 {
		at = st.Btime
	}
	return time.Unix(at.Sec, int64(at.Nsec))
}
