package control

import (
	"context"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lastBreath is how long a daemon that has let go of everything is waited for.
const lastBreath = 5 * time.Second

// watchDaemon takes hold of the process behind the socket, before it is told to end. gone returns when it has ended, also
// when nobody has asked for its exit code yet; where that cannot be seen, at once. release must be called in the end.
func (c *Client) watchDaemon(ctx context.Context) (gone, release func()) {
	nothing := func() {}
	connection, err := c.dial(ctx)
	if err != nil {
		return nothing, nothing
	}
	defer connection.Close()
	socket, ok := connection.(*net.UnixConn)
	if !ok {
		return nothing, nothing
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nothing, nothing
	}
	pidfd := -1
	err = raw.Control(func(fd uintptr) {
		if who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil && who.Pid > 0 && int(who.Pid) != os.Getpid() {
			pidfd, _ = unix.PidfdOpen(int(who.Pid), 0)
		}
	})
	if err != nil || pidfd < 0 {
		return nothing, nothing
	}
	return func() {
		for end := time.Now().Add(lastBreath); ctx.Err() == nil && time.Now().Before(end); {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 100)
			if n > 0 || err != nil && err != unix.EINTR {
				return
			}
		}
	}, func() { _ = unix.Close(pidfd) }
}
