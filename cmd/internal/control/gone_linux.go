package control

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lastBreath is how long a daemon that has let go of everything is waited for.
const lastBreath = 5 * time.Second

// watchHolder takes hold of the process that holds the lock, before it is told to end: the daemon, or its keeper, which is
// the last to go. gone returns when it has ended, also when nobody has asked for its exit code yet; where that cannot be seen,
// at once. release must be called in the end.
func (c *Client) watchHolder(ctx context.Context) (gone, release func()) {
	nothing := func() {}
	pid, held := c.Holder()
	if !held || pid <= 1 || pid == os.Getpid() { // 1 is the first process of a container, which has another number here
		return nothing, nothing
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nothing, nothing
	}
	if again, held := c.Holder(); !held || again != pid { // it was another process's number in between
		_ = unix.Close(pidfd)
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
