package forward

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// What a datagram can be, in bytes.
const (
	mostUDP   = 8096 // what common collectors read, rsyslog not a byte more; RFC 5426 asks for 2 KiB at least
	unlimited = 1 << 30
	least     = 480 // what every receiver has to take, says RFC 5424
)

// packets sends a datagram a message.
type packets struct {
	network, address string
	message          dress
	limit            int
	large            func(conn net.Conn, message []byte) error // another way for what a datagram cannot hold; nil: it is cut
	pace             tempo

	conn    net.Conn
	release func() bool
	most    int // what this connection takes
}

func (p *packets) open(ctx context.Context) (err error) {
	dialer := net.Dialer{Timeout: p.pace.patience}
	if p.conn, err = dialer.DialContext(ctx, p.network, p.address); err != nil {
		return err
	}
	p.release, p.most = leash(ctx, p.conn), p.limit
	return nil
}

func (p *packets) dress() dress          { return p.message }
func (p *packets) settle() (bool, error) { return false, nil }
func (p *packets) again() int            { return 0 }

func (p *packets) shut(bool) {
	p.release()
	p.conn.Close()
}

func (p *packets) write(batch []byte, ends []int) (done int, err error) {
	start, fresh := 0, false
	for done < len(ends) {
		if !fresh {
			_ = p.conn.SetWriteDeadline(time.Now().Add(p.pace.patience))
			fresh = true
			err = p.send(batch[start:ends[done]])
		} else if err = p.send(batch[start:ends[done]]); errors.Is(err, os.ErrDeadlineExceeded) {
			fresh = false // it takes them, if slowly: this one has its own time
			continue
		}
		if err != nil {
			return done, err
		}
		start = ends[done]
		done++
	}
	return done, nil
}

// send sends a message, cut if it has to be. The kernel says only that a message is too long, not what would not be.
func (p *packets) send(message []byte) error {
	begin := time.Now()
	for pause := time.Millisecond; ; {
		if p.large == nil {
			message = cut(message, p.most)
		}
		_, err := p.conn.Write(message)
		switch {
		case err == nil:
			return nil
		case p.large != nil && (errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.ENOBUFS)):
			return p.large(p.conn, message)
		case errors.Is(err, unix.EMSGSIZE):
			if len(message) <= least {
				return errUnsendable
			}
			p.most = max(least, len(message)/2)
		case errors.Is(err, unix.ENOBUFS) && time.Since(begin) < p.pace.patience:
			// The kernel has no room and no way to say when it has: poll calls such a socket writable.
			if err := p.linger(pause); err != nil {
				return err
			}
			pause = min(2*pause, 100*time.Millisecond)
		default:
			return err
		}
	}
}

// linger waits a moment. Nothing is ever sent to us, so that a read is a wait that also ends when the connection is closed.
func (p *packets) linger(pause time.Duration) error {
	var nothing [1]byte
	_ = p.conn.SetReadDeadline(time.Now().Add(pause))
	if _, err := p.conn.Read(nothing[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// local is a unix socket of syslog: mostly one for datagrams, on some machines one for a stream.
type local struct {
	sink
	packets *packets
	stream  *stream
}

func newLocal(address string, message dress, pace tempo) *local {
	return &local{
		packets: &packets{network: "unixgram", address: address, message: message, limit: unlimited, pace: pace},
		stream:  &stream{network: "unix", address: address, message: ended(bounded(message)), pace: pace},
	}
}

func (l *local) open(ctx context.Context) error {
	l.sink = l.packets
	err := l.packets.open(ctx)
	if errors.Is(err, unix.EPROTOTYPE) {
		l.sink = l.stream
		err = l.stream.open(ctx)
	}
	return err
}

func (l *local) again() int { return 0 } // before it is opened, too
