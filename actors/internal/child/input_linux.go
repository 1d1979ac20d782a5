package child

import (
	"os"

	"golang.org/x/sys/unix"
)

// InputFile is a text that a program can read from its beginning. It lies in memory, needs no file system and no reader, and ends
// with the last of its descriptors.
func InputFile(text []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("input", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return filled(os.NewFile(uintptr(fd), "input"), text)
}
