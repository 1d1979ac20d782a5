package main

import (
	"context"
	"fmt"
	"time"
)

// Whom the logs of phorever are compared with.
const (
	byCat       = "cat"
	unrotated   = "unrotated"
	undecorated = "undecorated"
	noFlood     = "no flood"
	discarded   = "discarded"
)

var logMeasures = []measure{
	{"log-4k", "one process writes 4 KiB at a time, until all is in its file", "log-4k", 0.5, "MB/s", byCat, 1, atLeast},
	{"log-4k-cpu", "processor time for that", "log-4k-cpu", 0.5, "s/GiB", byCat, 1, times},
	{"log-100b", "the same, 100 bytes at a time", "log-100b", 0.5, "MB/s", byCat, 0.9, atLeast},
	{"log-100b-cpu", "processor time for that", "log-100b-cpu", 0.5, "s/GiB", byCat, 0.3, times},
	{"log-50-writers", "50 processes at once, 4 KiB at a time", "log-50-writers", 0.5, "MB/s", byCat, 1, atLeast},
	{"log-50-writers-cpu", "processor time for that", "log-50-writers-cpu", 0.5, "s/GiB", byCat, 1, times},
	{"log-rotation", "the time of log-4k, with rotation", "log-rotation", 0.5, "ms", unrotated, 1.05, times},
	{"log-decorated", "the time of log-4k, with the time before each line", "log-decorated", 0.5, "ms", undecorated, noLimit, times},
	{"log-decorated-cpu", "processor time for that", "log-decorated-cpu", 0.5, "s/GiB", undecorated, noLimit, times},
	{"log-neighbours", "one killed among few, beside a flood: until it runs again", "log-neighbours", 0.5, "ms", noFlood, 2, times},
	{"log-quiet", "memory of daemon and keeper of MANY with logs", "log-quiet", 0.5, "MiB", discarded, 4, more},
}

func (b *bench) wantedLogs() bool {
	for _, m := range logMeasures {
		if b.wanted(m.sample) {
			return true
		}
	}
	return false
}

func (b *bench) logFact() string {
	return fmt.Sprintf("logs: %s are written, for log-100b and log-50-writers a quarter of that", &b.logSize)
}

// logged is what one turn of writing gave.
type logged struct {
	took, used time.Duration
	volume
}

// speed is in MB/s.
func (l logged) speed() float64 { return float64(l.total()) / 1e6 / l.took.Seconds() }

// cost is in seconds of processor time for each GiB.
func (l logged) cost() float64 { return l.used.Seconds() / float64(l.total()) * (1 << 30) }

// logBlocks measures one process that writes 4 KiB at a time, to us in several ways, and to cat.
func (b *bench) logBlocks(round int) error {
	v := volumeOf(int64(b.logSize), 1, 4096)
	for _, turn := range inTurns(round, []struct {
		samples []string // that need this turn
		who     string
		policy  policy
		add     func(l logged)
	}{
		{[]string{"log-4k", "log-4k-cpu", "log-rotation", "log-decorated", "log-decorated-cpu"}, ours, asWritten, func(l logged) {
			b.add("log-4k", ours, l.speed())
			b.add("log-4k-cpu", ours, l.cost())
			b.add("log-rotation", unrotated, milliseconds(l.took))
			b.add("log-decorated", undecorated, milliseconds(l.took))
			b.add("log-decorated-cpu", undecorated, l.cost())
		}},
		{[]string{"log-4k", "log-4k-cpu"}, byCat, policy{}, func(l logged) {
			b.add("log-4k", byCat, l.speed())
			b.add("log-4k-cpu", byCat, l.cost())
		}},
		{[]string{"log-rotation"}, ours, rotating(int64(b.logSize)), func(l logged) {
			b.add("log-rotation", ours, milliseconds(l.took))
		}},
		{[]string{"log-decorated", "log-decorated-cpu"}, ours, decorated, func(l logged) {
			b.add("log-decorated", ours, milliseconds(l.took))
			b.add("log-decorated-cpu", ours, l.cost())
		}},
	}) {
		if !b.wanted(turn.samples...) {
			continue
		}
		l, err := b.logged(round, turn.samples[0], turn.who, v, turn.policy)
		if err != nil {
			return err
		}
		turn.add(l)
	}
	return nil
}

// logLines measures one process that writes line by line.
func (b *bench) logLines(round int) error {
	return b.logAgainstCat(round, "log-100b", volumeOf(int64(b.logSize)/4, 1, 100))
}

// logWriters measures many processes that write at once.
func (b *bench) logWriters(round int) error {
	return b.logAgainstCat(round, "log-50-writers", volumeOf(int64(b.logSize)/4, 50, 4096))
}

func (b *bench) logAgainstCat(round int, sample string, v volume) error {
	if !b.wanted(sample, sample+"-cpu") {
		return nil
	}
	for _, who := range inTurns(round, []string{ours, byCat}) {
		l, err := b.logged(round, sample, who, v, asWritten)
		if err != nil {
			return err
		}
		b.add(sample, who, l.speed())
		b.add(sample+"-cpu", who, l.cost())
	}
	return nil
}

// logged has writers write, and times from the moment when they may until the last line of each is in its file.
func (b *bench) logged(round int, sample, who string, v volume, p policy) (logged, error) {
	b.say(round, sample, who)
	took, used, err := b.flow(who, v, p)
	if err != nil {
		err = fmt.Errorf("%s: %s: %w", sample, who, err)
	}
	return logged{took, used, v}, err
}

func (b *bench) flow(who string, v volume, p policy) (took, used time.Duration, err error) {
	w, err := b.newWriters(v)
	if err != nil {
		return 0, 0, err
	}
	defer w.close()
	l, err := b.newLogger(who, w, p)
	if err != nil {
		return 0, 0, err
	}
	defer l.end()
	if _, err := w.wait(b.ctx, v.writers); err != nil {
		return 0, 0, err
	}
	time.Sleep(min(b.settle, 300*time.Millisecond)) // what the start left to do is done
	before, err := l.used()
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if err := w.begin(); err != nil {
		return 0, 0, err
	}
	if _, err := w.wait(b.ctx, v.writers); err != nil {
		return 0, 0, fmt.Errorf("until everything is written: %w", err)
	}
	if err := awaitAll(b.ctx, l.files()); err != nil { // only now: who looks all the time is in the way
		return 0, 0, err
	}
	took = time.Since(begin)
	if err := l.rest(); err != nil {
		return 0, 0, err
	}
	after, err := l.used()
	if err != nil {
		return 0, 0, err
	}
	return took, after - before, l.check(v)
}

// awaitAll returns when each file has the last line of its writer.
func awaitAll(ctx context.Context, paths []string) error {
	deadline := time.Now().Add(patience)
	for _, path := range paths {
		for !complete(path) {
			if time.Now().After(deadline) {
				return fmt.Errorf("%s has not all that was written %s ago", path, patience)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			time.Sleep(100 * time.Microsecond)
		}
	}
	return nil
}
