package forward

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// sendMemory sends an entry that is too large for a datagram as journald's protocol says: a datagram without bytes that carries
// the descriptor of a memory file. journald takes only one that is sealed, so that nobody can change it while it is read.
func sendMemory(conn net.Conn, entry []byte) error {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return errUnsendable
	}
	fd, err := unix.MemfdCreate("phorever-line", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return fmt.Errorf("%w: memfd_create: %v", errUnsendable, err)
	}
	file := os.NewFile(uintptr(fd), "memfd")
	defer file.Close()
	if _, err := file.Write(entry); err != nil {
		return fmt.Errorf("%w: %v", errUnsendable, err)
	}
	seals := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return fmt.Errorf("%w: seal: %v", errUnsendable, err)
	}
	raw, err := c.SyscallConn() // WriteMsgUnix wants nothing to do with a socket that is connected
	if err != nil {
		return err
	}
	failed := raw.Write(func(socket uintptr) bool {
		err = unix.Sendmsg(int(socket), nil, unix.UnixRights(fd), nil, 0)
		return err != unix.EAGAIN
	})
	if failed != nil {
		return failed
	}
	return os.NewSyscallError("sendmsg", err)
}
