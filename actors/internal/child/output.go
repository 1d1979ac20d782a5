package child

import (
	"fmt"
	"reflect"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/logs"
)

// output is the pipes of one run: the ends for the child, and the streams that read the others.
type output struct {
	stdout, stderr int // write ends, -1 discards
	ends           []int
	streams        []*logs.Stream
}

// openOutput makes a FIFO for each stream, or one for both when they go to the same file, which keeps their order. It
// notes in s how they are found again.
func (t *Table) openOutput(id RunID, launch Launch, s *saved) (*output, error) {
	out := &output{stdout: -1, stderr: -1}
	s.Stdout, s.Stderr = t.streamsOf(id, launch)
	if s.Stdout != nil {
		end, err := t.openStream(out, s.Stdout, id, launch)
		if err != nil {
			out.abandon()
			return nil, err
		}
		out.stdout = end
	}
	switch {
	case launch.Stderr == nil:
	case s.Stderr == nil:
		out.stderr = out.stdout
	default:
		end, err := t.openStream(out, s.Stderr, id, launch)
		if err != nil {
			out.abandon()
			return nil, err
		}
		out.stderr = end
	}
	return out, nil
}

// streamsOf are the streams of a run: one where both go into the same file.
func (t *Table) streamsOf(id RunID, launch Launch) (stdout, stderr *savedStream) {
	if launch.Stdout != nil {
		stdout = &savedStream{id.String() + ".out", t.files.of(launch.Stdout)}
	}
	if launch.Stderr != nil && (launch.Stdout == nil || launch.Stdout.Path != launch.Stderr.Path) {
		stderr = &savedStream{id.String() + ".err", t.files.of(launch.Stderr)}
	}
	return stdout, stderr
}

// sharing keeps the options of files once that are equal, as those of clones are, for as long as they come in a row.
type sharing struct {
	mu     sync.Mutex
	latest [4]*logs.FileOptions // the newest first
}

// of is what is equal to a file's options, and known already.
func (s *sharing) of(file *logs.FileOptions) *logs.FileOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.latest {
		if known != nil && reflect.DeepEqual(known, file) {
			return known
		}
	}
	copy(s.latest[1:], s.latest[:])
	s.latest[0] = file
	return file
}

func (t *Table) openStream(out *output, s *savedStream, id RunID, launch Launch) (int, error) {
	uid, gid := -1, -1
	if who := launch.Command.Credential; who != nil {
		uid, gid = int(who.Uid), int(who.Gid)
	}
	read, write, err := t.pump.Channel(s.Name, uid, gid)
	if err != nil {
		return -1, fmt.Errorf("output: %w", err)
	}
	lines := launch.Lines
	if lines == nil {
		lines = t.pump.Counter(id.Clone)
	}
	stream, err := t.attachStream(read, s, lines)
	if err != nil {
		_ = unix.Close(read)
		_ = unix.Close(write)
		return -1, err
	}
	out.ends = append(out.ends, write)
	out.streams = append(out.streams, stream)
	return write, nil
}

// attachStream has what comes out of a FIFO written to its file, which stream keeps open from then on.
func (t *Table) attachStream(read int, s *savedStream, lines *logs.Counter) (*logs.Stream, error) {
	file, err := t.pump.Open(*s.FileOptions)
	if err != nil {
		return nil, fmt.Errorf("log %s: %w", s.Path, err)
	}
	defer func() { _ = file.Close() }() // the stream keeps its own reference
	stream, err := t.pump.Attach(read, s.Name, file, lines)
	if err != nil {
		return nil, fmt.Errorf("log %s: %w", s.Path, err)
	}
	return stream, nil
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
