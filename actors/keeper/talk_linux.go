package keeper

import (
	"io"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// quietAfter is how long after the daemon's last word memory is given back.
const quietAfter = 3 * time.Second

// hear takes what the daemon says.
func (k *keeper) hear() {
	d := &k.daemon
	k.hearing = true
	defer func() { k.hearing = false }()
	for range 64 {
		all, err := receive(d.socket, k.buffer[:], k.control[:])
		for _, m := range all {
			k.obey(m)
			if k.daemon.socket < 0 {
				return
			}
		}
		switch {
		case err == nil:
		case err == unix.EAGAIN:
			k.hearing = false
			k.answerLooks()
			k.rewatchSocket()
			return
		case err == io.EOF:
			k.unwatch(d.socket, d.socketed)
			if !d.ours {
				k.mourn()
			}
			return
		default: // the kernel is short of something: what was said waits
			k.fault("from the daemon", err)
			k.after(shortage, k.rewatchSocket)
			return
		}
	}
	k.rewatchSocket()
}

// faultEvery is how often the same fault is told.
const faultEvery = time.Minute

// fault says what went wrong, the same of the same only every now and then.
func (k *keeper) fault(what string, err error) {
	text := what + ": " + err.Error()
	if time.Since(k.faults[text]) >= faultEvery {
		k.faults[text] = time.Now()
		k.log("%s", text)
	}
}

func (k *keeper) rewatchSocket() {
	if k.daemon.socket < 0 {
		return
	}
	events := uint32(unix.EPOLLIN)
	if len(k.outbox) > 0 {
		events |= unix.EPOLLOUT
	}
	k.rewatch(k.daemon.socket, k.daemon.socketed, events)
}

func (k *keeper) obey(m message) {
	if m.word != beat {
		k.quiet.Reset(quietAfter)
	}
	d := &k.daemon
	switch m.word {
	case hello:
		d.up, d.fallback, d.heardAt = true, "", time.Now()
		k.tend(d.generation)
	case reserve:
		k.reserve(m.text(0), time.Duration(m.number(0)))
	case cancel:
		k.cancel(m.text(0))
	case add:
		k.add(m.text(0), int(m.number(0)), uint64(m.number(1)), m.number(2) != 0)
	case peek:
		k.peek(m.text(0))
	case del:
		k.reap(m.text(0))
	case hold:
		if m.file >= 0 {
			k.keepFIFO(m.text(0), m.file)
		} else {
			k.holdFIFO(m.text(0))
		}
	case let:
		k.letFIFO(m.text(0))
	case store:
		k.store(m)
	case drop:
		k.dropFile(m.text(0))
		delete(k.texts, m.text(0))
	case beat:
		d.asked, d.heardAt = false, time.Now()
	case heard:
		k.told = slices.DeleteFunc(k.told, func(s toldSignal) bool { return s.sequence == m.number(0) })
	case notify:
		k.notify(m.text(0))
	case look:
		k.looking = append(k.looking, m.text(0))
	case bye:
		d.leaving, d.farewell = true, int(m.number(0))
	case replace:
		d.successor = m.text(0)
	case renew:
		k.renewSoon(m.text(0))
	case detach:
		leaveTerminal()
	case inherit:
		d.ours, d.up = false, true
	}
}

// drain obeys what a dead daemon has said before it died.
func (k *keeper) drain() {
	d := &k.daemon
	for d.socket >= 0 {
		all, err := receive(d.socket, k.buffer[:], k.control[:])
		for _, m := range all {
			k.obey(m)
		}
		if err == unix.EAGAIN || err == io.EOF || err != nil && len(all) == 0 {
			return
		}
	}
}

// send hands a message to the daemon. What its socket does not take waits; nothing here waits for it.
func (k *keeper) send(m message) {
	if k.daemon.socket >= 0 {
		k.outbox = append(k.outbox, m)
	}
}

// flush sends what waits, as many messages in one datagram as fit.
func (k *keeper) flush() {
	d := &k.daemon
	if d.socket < 0 {
		return
	}
	for len(k.outbox) > 0 {
		data, n, file := pack(k.outbox)
		switch err := transmit(d.socket, data, file); {
		case err == unix.EAGAIN:
			k.rewatchSocket()
			return
		case full(err):
			k.after(shortage, func() {}) // which flushes
			return
		}
		k.outbox = k.outbox[n:]
	}
	k.outbox = nil
}
