//go:build !linux

package logs

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// enter makes the directory of a file. Links above the file are followed, whoever made them.
func enter(path string, _ trust) (doorstep, error) {
	if err := os.MkdirAll(filepath.Dir(path), directoryMode); err != nil {
		return doorstep{}, err
	}
	return doorstep{unix.AT_FDCWD, path}, nil
}

// readLink reads a symbolic link of a trusted owner. Without O_PATH the link could be replaced between the two looks.
func readLink(_ int, name, shown string, who trust) (target string, direct bool, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		return "", false, &os.PathError{Op: "lstat", Path: name, Err: err}
	}
	if err := who.follows(shown, st.Uid); err != nil {
		return "", false, err
	}
	target, err = os.Readlink(name)
	return target, false, err
}
