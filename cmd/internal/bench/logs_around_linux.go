package main

import (
	"fmt"
	"time"
)

// logNeighbours measures how fast a killed process comes back while another one writes as fast as it can.
func (b *bench) logNeighbours(round int) error {
	if !b.wanted("log-neighbours") {
		return nil
	}
	for _, who := range inTurns(round, []string{ours, noFlood}) {
		b.say(round, "log-neighbours", who)
		if err := b.neighbours(who); err != nil {
			return fmt.Errorf("log-neighbours: %s: %w", who, err)
		}
	}
	return nil
}

// neighbours measures it beside a flood, and without one.
func (b *bench) neighbours(who string) error {
	n := min(b.n, 10)
	flood, err := b.newWriters(volume{writers: 1, size: 4096})
	if err != nil {
		return err
	}
	defer flood.close()
	s, err := b.newSink(n)
	if err != nil {
		return err
	}
	defer s.close()
	d, err := b.daemon(b.comingBack(s, n), map[string]any{
		"name": "flood", "roles": []string{"work"}, "up": flood.command(), "stable_after": 0,
		"log": map[string]any{"rotate": map[string]any{"size": min(50_000_000, b.logSize), "keep": 1}},
	})
	if err != nil {
		return err
	}
	l := &daemonLogger{phorever: d}
	defer l.end()
	alive, err := b.born(d, s, n)
	if err != nil {
		return err
	}
	if who == ours {
		if err := flood.begin(); err != nil {
			return err
		}
	}
	settle()
	before, err := d.loggedLines()
	if err != nil {
		return err
	}
	if err := b.oneByOne(who, "log-neighbours", s, alive); err != nil {
		return err
	}
	after, err := d.loggedLines()
	if err == nil && (after > before) != (who == ours) {
		err = fmt.Errorf("%d lines were logged", after-before)
	}
	return err
}

// loggedLines is how many there are of all processes.
func (p *phorever) loggedLines() (int64, error) {
	s, err := p.status()
	total := int64(0)
	for _, process := range s.Processes {
		total += process.Logged
	}
	return total, err
}

// quiet is how many processes write nothing where it is measured what that costs.
func (b *bench) quiet() int { return 2 * b.n }

// logQuiet measures the memory that logs cost to which nobody writes.
func (b *bench) logQuiet(round int) error {
	if !b.wanted("log-quiet") {
		return nil
	}
	for _, who := range inTurns(round, []string{ours, discarded}) {
		b.say(round, "log-quiet", who)
		d, err := b.daemon(map[string]any{
			"name": "work", "roles": []string{"work"}, "up": sleeper, "clones": b.quiet(), "stable_after": 0, "log_forwarding": who == ours,
		})
		if err != nil {
			return err
		}
		if _, err := d.start(); err != nil {
			d.end()
			return err
		}
		time.Sleep(b.settle)
		value, err := sum(pss, d.pids)
		d.end()
		if err != nil {
			return err
		}
		b.add("log-quiet", who, value)
	}
	return nil
}
