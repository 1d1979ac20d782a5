package control

import (
	"errors"
	"net"
	"time"

	"github.com/sirupsen/logrus"
)

// patient is a listener that goes on whatever the kernel is short of: a daemon that nobody can talk to any more is as bad as
// none. Each distinct fault is one line in the log.
type patient struct {
	net.Listener
	visitors *visitors
	log      logrus.FieldLogger
	closed   <-chan struct{}
}

// Between two tries of a listener that fails.
const (
	firstTry = 5 * time.Millisecond
	lastTry  = time.Second
)

// Accept fails only when the listener is closed.
func (p patient) Accept() (net.Conn, error) {
	said := ""
	for pause := firstTry; ; pause = min(2*pause, lastTry) {
		p.visitors.room()
		connection, err := p.Listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return connection, err
		}
		if reason := err.Error(); reason != said {
			said = reason
			p.log.Errorf("control socket: %v; trying again", err)
		}
		select {
		case <-time.After(pause):
		case <-p.closed:
			return nil, net.ErrClosed
		}
	}
}
