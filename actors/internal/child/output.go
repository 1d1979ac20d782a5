package child

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/logs"
)

// output is the pipes of one run: the ends for the child, and the streams that read the others.
type output struct {
	stdout, stderr int // write ends, -1 discards
	ends           []int
	streams        []*logs.Stream
}

// openOutput makes a pipe for each stream, or one for both when they go to the same file, which keeps their order.
func (t *Table) openOutput(launch Launch) (*output, error) {
	out := &output{stdout: -1, stderr: -1}
	if launch.Stdout != nil {
		end, err := t.openStream(out, *launch.Stdout, launch.Lines)
		if err != nil {
			out.abandon()
			return nil, err
		}
		out.stdout = end
	}
	switch {
	case launch.Stderr == nil:
	case launch.Stdout != nil && launch.Stdout.Path == launch.Stderr.Path:
		out.stderr = out.stdout
	default:
		end, err := t.openStream(out, *launch.Stderr, launch.Lines)
		if err != nil {
			out.abandon()
			return nil, err
		}
		out.stderr = end
	}
	return out, nil
}

func (t *Table) openStream(out *output, options logs.FileOptions, lines *logs.Counter) (int, error) {
	file, err := t.pump.Open(options)
	if err != nil {
		return -1, fmt.Errorf("log %s: %w", options.Path, err)
	}
	var ends [2]int
	if err := pipe(&ends); err != nil {
		_ = file.Close()
		return -1, fmt.Errorf("pipe: %w", err)
	}
	stream, err := t.pump.Attach(ends[0], file, lines)
	if err != nil {
		_ = file.Close()
		_ = unix.Close(ends[0])
		_ = unix.Close(ends[1])
		return -1, fmt.Errorf("log %s: %w", options.Path, err)
	}
	_ = file.Close() // the stream keeps its own reference
	out.ends = append(out.ends, ends[1])
	out.streams = append(out.streams, stream)
	return ends[1], nil
}

func (o *output) closeChildEnds() {
	for _, end := range o.ends {
		_ = unix.Close(end)
	}
	o.ends = nil
}

// abandon ends the streams of a start that failed: nothing was written to them.
func (o *output) abandon() {
	o.closeChildEnds()
	for _, stream := range o.streams {
		stream.Close()
	}
}
