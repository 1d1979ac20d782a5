package keeper

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// settled is the name under which the strays are asked for by whoever does not want to know them: the answer comes when everything
// was heard that was said before.
const settled = "settled"

// Settle returns when the keeper has heard everything that was said, and holds what it is to hold, or when that takes too long. It is
// for a link that nobody serves.
func (l *Link) Settle(within time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outbox = append(l.outbox, message{word: look, texts: []string{settled}, file: -1})
	buffer, control := make([]byte, mostBytes), make([]byte, 256)
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		l.send()
		all, err := receive(l.socket, buffer, control)
		for _, m := range all {
			if m.word == strays && m.text(0) == settled {
				return
			}
			if m.file >= 0 {
				_ = unix.Close(m.file)
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			_, _ = l.epoll.Wait(make([]unix.EpollEvent, 1), shortage)
		}
	}
}
