package keeper

import (
	"encoding/binary"
	"errors"
	"time"
)

// mostBytes is how much one datagram holds: well below what a socket buffer takes by default.
const mostBytes = 32 << 10

// shortage is how long to wait for a kernel that is short of something.
const shortage = 10 * time.Millisecond

// protocol is the version of the words below. Words and fields may be added; a reader ignores what it does not know.
const protocol = 1

// word is what a message is about.
type word byte

// The words of the daemon.
const (
	hello   word = iota + 1 // I am up; from now on my death is a crash. numbers: protocol; texts: version
	reserve                 // texts: run; numbers: nanoseconds since boot; a fork follows
	cancel                  // texts: run; the fork came to nothing
	add                     // texts: run; numbers: pid, start time, foreign: not the keeper's child
	del                     // texts: run; its end was taken note of: reap it
	hold                    // texts: path of a FIFO; perhaps with its descriptor
	let                     // texts: path of a FIFO
	store                   // texts: name; with a descriptor
	drop                    // texts: name
	beat                    // I still think; also the keeper's: do you?
	heard                   // numbers: the signal that was acted on, by its sequence number
	notify                  // texts: for the service manager
	look                    // texts: run; tell the strays of now
	bye                     // numbers: exit code. When I am gone, end with it
	replace                 // texts: program. When I am gone, start this one in my place
	renew                   // texts: program. Become it, with everything you hold
	detach                  // whoever started us was told everything: let go of their terminal
	inherit                 // I am not your child, and about to leave: start a daemon when I have
	peek                    // texts: run; tell how its process has ended
)

// The words of the keeper.
const (
	welcome  word = iota + 64 // numbers: protocol, generation of the daemon, own pid; texts: version, why the last daemon ended
	have                      // texts: run; numbers: pid, start time, foreign, nanoseconds since boot when it was seen to have ended
	reserved                  // texts: run; a fork was announced, and nothing came of it
	unknown                   // numbers: pid, start time of a child that nobody has named
	stored                    // texts: name and text, or with its descriptor
	ready                     // that was all
	exit                      // answers peek. texts: run; numbers: see exitOf
	strays                    // texts: run; numbers: pids
	signaled                  // numbers: sequence number, signal
)

// message is one word with what belongs to it. What is missing reads as zero.
type message struct {
	word    word
	texts   []string
	numbers []int64
	file    int // a descriptor that travels with it, -1 for none
}

func (m message) text(i int) string {
	if i < len(m.texts) {
		return m.texts[i]
	}
	return ""
}

func (m message) number(i int) int64 {
	if i < len(m.numbers) {
		return m.numbers[i]
	}
	return 0
}

// append puts the message behind others in one datagram.
func (m message) append(to []byte) []byte {
	to = append(to, byte(m.word))
	to = binary.AppendUvarint(to, uint64(len(m.texts)))
	for _, text := range m.texts {
		to = binary.AppendUvarint(to, uint64(len(text)))
		to = append(to, text...)
	}
	to = binary.AppendUvarint(to, uint64(len(m.numbers)))
	for _, n := range m.numbers {
		to = binary.AppendVarint(to, n)
	}
	return to
}

// pack puts as many messages as fit into one datagram: a descriptor travels with one message alone.
func pack(waiting []message) (data []byte, n, file int) {
	file = -1
	for n < len(waiting) {
		m := waiting[n]
		if n > 0 && m.file >= 0 {
			break
		}
		grown := m.append(data)
		if n > 0 && len(grown) > mostBytes {
			break
		}
		data = grown
		n++
		if m.file >= 0 {
			return data, n, m.file
		}
	}
	return data, n, file
}

var errGarbled = errors.New("garbled message")

// parse reads the messages of one datagram. Lengths are checked against what is there: a garbled one allocates nothing.
func parse(from []byte) ([]message, error) {
	var all []message
	for len(from) > 0 {
		m := message{word: word(from[0]), file: -1}
		from = from[1:]
		count, rest, ok := uvarint(from)
		if !ok || count > uint64(len(rest)) {
			return all, errGarbled
		}
		for from = rest; count > 0; count-- {
			length, rest, ok := uvarint(from)
			if !ok || length > uint64(len(rest)) {
				return all, errGarbled
			}
			m.texts = append(m.texts, string(rest[:length]))
			from = rest[length:]
		}
		count, rest, ok = uvarint(from)
		if !ok || count > uint64(len(rest)) {
			return all, errGarbled
		}
		for from = rest; count > 0; count-- {
			n, size := binary.Varint(from)
			if size <= 0 {
				return all, errGarbled
			}
			m.numbers = append(m.numbers, n)
			from = from[size:]
		}
		all = append(all, m)
	}
	return all, nil
}

func uvarint(from []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(from)
	if size <= 0 {
		return 0, nil, false
	}
	return n, from[size:], true
}
