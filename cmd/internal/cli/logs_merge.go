package cli

import (
	"context"
	"iter"
	"slices"

	"github.com/dcousineau/phorever/actors"
)

// queue is a log whose lines wait for their turn. The line is the reader's until the next one is asked for.
type queue struct {
	source *source
	line   actors.LogLine
	next   func() (actors.LogLine, bool)
}

// advance says whether there is another line. One of unknown time stays behind the one that it came after.
func (q *queue) advance() (more bool) {
	if q.line, more = q.next(); q.line.Known {
		q.source.time = q.line.Time
	}
	return more
}

// merge prints the last lines of logs in the order in which they came. Of each only one line is held.
func (v *logView) merge(ctx context.Context, sources []*source) {
	var queues []*queue
	for _, s := range sources {
		q := &queue{source: s}
		lines := func(yield func(actors.LogLine) bool) { v.complain(s, v.each(ctx, s, yield)) }
		if len(sources) == 1 { // without a coroutine, which costs more than the line
			for line := range lines {
				if line.Known {
					s.time = line.Time
				}
				v.print(s, line)
			}
			return
		}
		next, stop := iter.Pull(iter.Seq[actors.LogLine](lines))
		defer stop()
		if q.next = next; q.advance() {
			queues = append(queues, q)
		}
	}
	for len(queues) > 0 {
		first := 0
		for i, q := range queues {
			if q.source.time.Before(queues[first].source.time) {
				first = i
			}
		}
		v.print(queues[first].source, queues[first].line)
		if !queues[first].advance() {
			queues = slices.Delete(queues, first, first+1)
		}
	}
}

// each gives the last lines of one log that are asked for.
func (v *logView) each(ctx context.Context, s *source, yield func(actors.LogLine) bool) error {
	o := v.options
	query := actors.LogQuery{
		Lines: o.lines, Follow: o.follow, Since: o.from, Until: o.to, Match: func(line *actors.LogLine) bool { return v.wants(s, line) },
	}
	return s.reader.Each(query, func(line actors.LogLine) bool {
		_, broken := v.out.Write(nil)
		return broken == nil && ctx.Err() == nil && yield(line)
	})
}
