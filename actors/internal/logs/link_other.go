//go:build !linux

package logs

import (
	"os"

	"golang.org/x/sys/unix"
)

// readLink reads a symbolic link of a trusted owner. Without O_PATH the link could be replaced between the two looks.
func readLink(name string) (target string, direct bool, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		return "", false, &os.PathError{Op: "lstat", Path: name, Err: err}
	}
	if err := trusted(name, st.Uid); err != nil {
		return "", false, err
	}
	target, err = os.Readlink(name)
	return target, false, err
}
