package logs

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const aDirectory = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC

// enter opens the directory of a file. Nothing on the way can be exchanged between the look at it and the step into it.
func enter(path string, who trust) (doorstep, error) {
	directory, last := split(path)
	fd, err := retryInterrupted(func() (int, error) {
		return unix.Openat2(unix.AT_FDCWD, directory, &unix.OpenHow{Flags: aDirectory, Resolve: unix.RESOLVE_NO_SYMLINKS})
	})
	if err != nil { // there is a link or a directory is missing; or openat2 is: Linux 5.6
		if fd, err = walkTo(directory, who); err != nil {
			return doorstep{}, err
		}
	}
	return doorstep{fd, last}, nil
}

// walkTo opens a directory step by step, follows links of trusted owners and makes what is missing.
func walkTo(directory string, who trust) (int, error) {
	at, err := openAt(unix.AT_FDCWD, start(directory), aDirectory)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: directory, Err: err}
	}
	steps, links := strings.Split(directory, "/"), 0
	for passed := start(directory); len(steps) > 0; {
		step := steps[0]
		steps = steps[1:]
		if step == "" || step == "." {
			continue
		}
		passed = filepath.Join(passed, step)
		next, target, err := stepInto(at, step, passed, who)
		if err == nil && target != "" {
			if links++; links > mostLinks {
				err = &os.PathError{Op: "open", Path: directory, Err: unix.ELOOP}
			} else {
				steps = append(strings.Split(target, "/"), steps...)
				passed = filepath.Dir(passed)
				if !strings.HasPrefix(target, "/") {
					continue
				}
				passed = "/"
				next, err = openAt(unix.AT_FDCWD, "/", aDirectory)
			}
		}
		_ = unix.Close(at)
		if err != nil {
			return -1, err
		}
		at = next
	}
	return at, nil
}

// start is where a walk along a path begins.
func start(path string) string {
	if strings.HasPrefix(path, "/") {
		return "/"
	}
	return "."
}

// stepInto opens one directory in another, or tells where the link leads that is there.
func stepInto(at int, step, passed string, who trust) (next int, target string, err error) {
	fault := func(op string, err error) (int, string, error) {
		return -1, "", &os.PathError{Op: op, Path: passed, Err: err}
	}
	next, err = openAt(at, step, aDirectory|unix.O_NOFOLLOW)
	if err == unix.ENOENT {
		if err := unix.Mkdirat(at, step, directoryMode); err != nil && err != unix.EEXIST {
			return fault("mkdir", err)
		}
		next, err = openAt(at, step, aDirectory|unix.O_NOFOLLOW)
	}
	if err != unix.ENOTDIR && err != unix.ELOOP { // what a link is, is the file system's taste
		if err != nil {
			return fault("open", err)
		}
		return next, "", nil
	}
	target, direct, err := readLink(at, step, passed, who)
	if err != nil || !direct {
		return -1, target, err
	}
	if next, err = openAt(at, step, aDirectory); err != nil {
		return fault("open", err)
	}
	return next, "", nil
}

func openAt(at int, name string, flags int) (int, error) {
	return retryInterrupted(func() (int, error) { return unix.Openat(at, name, flags, 0) })
}

// readLink reads a symbolic link of a trusted owner. The link is held open from the look at its owner to the reading, so
// that no other can be put in its place. direct is set for links that only the kernel can follow.
func readLink(at int, name, shown string, who trust) (target string, direct bool, err error) {
	fault := func(op string, err error) (string, bool, error) {
		return "", false, &os.PathError{Op: op, Path: shown, Err: err}
	}
	fd, err := openAt(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC)
	if err != nil {
		return fault("open", err)
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fault("stat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return fault("open", unix.ENOTDIR)
	}
	if err := who.follows(shown, st.Uid); err != nil {
		return "", false, err
	}
	// An empty path reads the link itself, Linux 2.6.39.
	text := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", text)
	if err != nil {
		return fault("readlink", err)
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return fault("statfs", err)
	}
	procfs := fs.Type == unix.PROC_SUPER_MAGIC && st.Size == 64 // only links of a process, such as /proc/PID/fd/N, have this size
	return string(text[:n]), procfs, nil
}
