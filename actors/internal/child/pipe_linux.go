package child

import "golang.org/x/sys/unix"

func pipe(ends *[2]int) error { return unix.Pipe2(ends[:], unix.O_CLOEXEC) }
