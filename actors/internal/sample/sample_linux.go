package sample

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is USER_HZ, which is 100 on every architecture that Linux has kept.
const ticksPerSecond = 100

var pageSize = int64(os.Getpagesize())

// Fields of /proc/PID/stat, counted from the state, the first one after the name.
const (
	fieldUserTicks   = 11
	fieldSystemTicks = 12
	fieldStart       = 19
	fieldVirtual     = 20
	fieldResident    = 21
)

// Sample reads the processes, in their order. A process that is gone uses nothing. now must have its monotonic reading.
func (s *Sampler) Sample(pids []int, now time.Time) []Usage {
	usage := make([]Usage, len(pids))
	seen := make(map[int]point, len(pids))
	uptime := sinceBoot()
	for i, pid := range pids {
		p, virtual, resident, ok := s.read(pid)
		if !ok {
			continue
		}
		p.at = now
		usage[i].Memory, usage[i].Virtual = resident*pageSize, virtual
		before, known := s.last[pid]
		elapsed, ticks := now.Sub(before.at).Seconds(), float64(p.ticks-before.ticks)
		if !known || before.start != p.start {
			elapsed, ticks = uptime.Seconds()-float64(p.start)/ticksPerSecond, float64(p.ticks)
		}
		if elapsed >= 1.0/ticksPerSecond {
			usage[i].CPUPercent = float64(int64(ticks/ticksPerSecond/elapsed*1000+0.5)) / 10
		}
		seen[pid] = p
	}
	s.last = seen
	return usage
}

func sinceBoot() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}

// read takes the numbers of one process out of its stat file.
func (s *Sampler) read(pid int) (p point, virtual, resident int64, ok bool) {
	name := append(strconv.AppendInt([]byte("/proc/"), int64(pid), 10), "/stat"...)
	fd, err := unix.Open(string(name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return point{}, 0, 0, false
	}
	n, err := unix.Read(fd, s.buffer)
	_ = unix.Close(fd)
	if err != nil || n <= 0 {
		return point{}, 0, 0, false
	}
	end := bytes.LastIndexByte(s.buffer[:n], ')')
	if end < 0 {
		return point{}, 0, 0, false
	}
	field := 0
	for word := range bytes.FieldsSeq(s.buffer[end+1 : n]) {
		value := number(word)
		switch field {
		case fieldUserTicks, fieldSystemTicks:
			p.ticks += value
		case fieldStart:
			p.start = value
		case fieldVirtual:
			virtual = int64(value)
		case fieldResident:
			return p, virtual, int64(value), true
		}
		field++
	}
	return point{}, 0, 0, false
}

func number(word []byte) uint64 {
	n := uint64(0)
	for _, digit := range word {
		if digit < '0' || digit > '9' {
			return 0
		}
		n = n*10 + uint64(digit-'0')
	}
	return n
}
