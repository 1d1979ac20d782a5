package main

import (
	"fmt"
	"maps"
	"strconv"
	"syscall"
	"time"
)

// restarts measures how fast children come back: one at a time among n, and all of them at once.
func (b *bench) restarts(round int) error {
	return b.killed(round, b.n, true)
}

// restartsAmongFew measures the same of one at a time, among 100.
func (b *bench) restartsAmongFew(round int) error {
	if b.n <= 100 {
		return nil
	}
	return b.killed(round, 100, false)
}

func (b *bench) killed(round, n int, allAtOnce bool) error {
	sample := "restart-" + strconv.Itoa(n)
	allAtOnce = allAtOnce && b.wanted("killed")
	if !allAtOnce && !b.wanted(sample) {
		return nil
	}
	for _, name := range b.contestants(round) {
		b.say(round, sample, name)
		if err := b.killedOf(name, sample, n, allAtOnce); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// comeBack is said to phorever of children that are killed.
var comeBack = map[string]any{"resurrect_after": 0, "stable_after": stable.Seconds(), "give_up": false}

// teller is the command of a child that tells its births to a sink.
func (b *bench) teller(s *sink) []string {
	if child := b.helpers["child"]; child != "" {
		return []string{child, s.path}
	}
	return []string{b.self, "bench-child", s.path}
}

// comingBack is the process of n tellers that come back, as phorever is told of it.
func (b *bench) comingBack(s *sink, n int) map[string]any {
	work := map[string]any{"name": "work", "roles": []string{"work"}, "up": b.teller(s), "clones": n}
	maps.Copy(work, comeBack)
	return work
}

// newSink makes a sink for n tellers, in a directory of its own.
func (b *bench) newSink(n int) (*sink, error) {
	directory, err := b.scratch()
	if err != nil {
		return nil, err
	}
	return newSink(directory, n)
}

// settle waits until what a start leaves to do is done.
func settle() { time.Sleep(2*stable + 300*time.Millisecond) }

func (b *bench) killedOf(name, sample string, n int, allAtOnce bool) error {
	s, err := b.newSink(n)
	if err != nil {
		return err
	}
	defer s.close()
	c, err := b.life(name, n, b.teller(s), comeBack)
	if err != nil {
		return err
	}
	defer c.end()
	alive, err := b.born(c, s, n)
	if err != nil {
		return err
	}
	settle()
	if b.wanted(sample) {
		if err := b.oneByOne(name, sample, s, alive); err != nil {
			return err
		}
	}
	if allAtOnce {
		return b.atOnce(name, s, alive)
	}
	return nil
}

// born starts all children, and waits until each has told its birth.
func (b *bench) born(c contestant, s *sink, n int) ([]birth, error) {
	if _, err := c.start(); err != nil {
		return nil, err
	}
	return s.wait(b.ctx, n)
}

// oneByOne kills one child after the other, never one that is not stable yet.
func (b *bench) oneByOne(name, sample string, s *sink, alive []birth) error {
	for i := range min(200, 3*len(alive)) {
		victim := &alive[i%len(alive)]
		time.Sleep(max(5*time.Millisecond, time.Until(time.Unix(0, victim.at).Add(2*stable))))
		if extra := s.forget(); extra > 0 {
			return fmt.Errorf("%d children were started that nobody had killed", extra)
		}
		begin := time.Now().UnixNano()
		if err := syscall.Kill(victim.pid, syscall.SIGKILL); err != nil {
			return fmt.Errorf("kill %d: %w", victim.pid, err)
		}
		back, err := s.wait(b.ctx, 1)
		if err != nil {
			return err
		}
		b.add(sample, name, milliseconds(time.Duration(back[0].at-begin)))
		*victim = back[0]
	}
	return nil
}

// atOnce kills all children, and waits until all are back.
func (b *bench) atOnce(name string, s *sink, alive []birth) error {
	time.Sleep(5 * stable)
	begin := time.Now().UnixNano()
	for _, victim := range alive {
		if err := syscall.Kill(victim.pid, syscall.SIGKILL); err != nil {
			return fmt.Errorf("kill %d: %w", victim.pid, err)
		}
	}
	back, err := s.wait(b.ctx, len(alive))
	if err != nil {
		return err
	}
	last := begin
	for _, child := range back {
		last = max(last, child.at)
	}
	b.add("killed", name, milliseconds(time.Duration(last-begin)))
	return nil
}
