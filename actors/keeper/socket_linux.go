package keeper

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Pair is the two ends of a socket between a daemon and its keeper. Neither blocks.
func Pair() ([2]int, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return ends, os.NewSyscallError("socketpair", err)
	}
	for _, end := range ends {
		_ = unix.SetsockoptInt(end, unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20)
	}
	return ends, nil
}

// transmit sends one datagram, with a descriptor if file is not negative. It does not block: a full socket is EAGAIN.
func transmit(socket int, data []byte, file int) error {
	var rights []byte
	if file >= 0 {
		rights = unix.UnixRights(file)
	}
	for {
		err := unix.Sendmsg(socket, data, rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		if err != unix.EINTR {
			return err
		}
	}
}

// receive takes one datagram. It does not block: an empty socket is EAGAIN, the end of the other side io.EOF.
func receive(socket int, buffer, control []byte) ([]message, error) {
	for {
		n, rights, flags, _, err := unix.Recvmsg(socket, buffer, control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECONNRESET:
			return nil, io.EOF
		case err != nil:
			return nil, err
		case n == 0:
			return nil, io.EOF
		case flags&unix.MSG_TRUNC != 0:
			return nil, fmt.Errorf("a message of more than %d bytes", len(buffer))
		}
		file := descriptor(control[:rights])
		all, err := parse(buffer[:n])
		if file >= 0 {
			if len(all) == 1 {
				all[0].file = file
			} else {
				_ = unix.Close(file)
			}
		}
		return all, err
	}
}

// descriptor is the one that came along, -1 for none. More than one are closed: nobody sends that many.
func descriptor(control []byte) int {
	file := -1
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return file
	}
	for i := range messages {
		files, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, f := range files {
			if file >= 0 {
				_ = unix.Close(f)
				continue
			}
			file = f
		}
	}
	return file
}

// full is whether a datagram may be taken later: the socket has no room for it, or the kernel none.
func full(err error) bool {
	switch err {
	case unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM, unix.EMFILE, unix.ENFILE, unix.ETOOMANYREFS, unix.EIO:
		return true
	}
	return false
}

// readable is whether a datagram, or the end, waits to be received.
func readable(socket int) bool {
	poll := []unix.PollFd{{Fd: int32(socket), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 0)
	return n > 0 || err != nil
}
