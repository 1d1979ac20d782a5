package logs

import "golang.org/x/sys/unix"

// ioctlUnread asks how many bytes lie in a pipe: FIONREAD, which Linux calls TIOCINQ.
const ioctlUnread = unix.TIOCINQ
