//go:build !linux

package logs

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// Channel makes a pipe.
func (p *Pump) Channel(string, int, int) (read, write int, err error) {
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		return -1, -1, err
	}
	unix.CloseOnExec(ends[0])
	unix.CloseOnExec(ends[1])
	return ends[0], ends[1], nil
}

// Counter is the count of a name.
func (p *Pump) Counter(name string) *Counter {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts[name]
	if c == nil {
		c = new(Counter)
		p.counts[name] = c
	}
	return c
}

// PathOf is empty: pipes have no names.
func (*Pump) PathOf(string) string { return "" }

// Rejoin finds nothing.
func (*Pump) Rejoin(string) (int, error) { return -1, fs.ErrNotExist }

// Held are none.
func (*Pump) Held() []string { return nil }

// Ignored is nothing.
func (*Pump) Ignored() string { return "" }

// Quiesce does nothing: nobody takes over here.
func (*Pump) Quiesce() {}
