package actors

import (
	"slices"
	"strings"
	"time"

	"github.com/dcousineau/phorever/spec"
)

const (
	// tailLines is how many of the last lines of a run a fact has, of so many bytes each.
	tailLines  = 10
	tailLength = 500
	// tailLook is how many lines of a file that clones share are looked at for them.
	tailLook = 500
	// tailWait is how long a file system may take.
	tailWait = 500 * time.Millisecond
)

// tailOf makes what reads the last lines of a run; nil where nobody would be helped by them.
func (p *processActor) tailOf(run int, must bool) func() []string {
	names := p.names.Load()
	if names == nil || !p.process.Log.Forward || p.house.facts.busy() && !must {
		return nil
	}
	h, id := p.house, p.id
	return func() []string { return h.tail(*names, id, run) }
}

// tail is the last lines of a run, of both of its streams, oldest first. A file system that hangs costs tailWait, and nothing while
// it goes on to hang.
func (h *house) tail(names logNames, id spec.CloneID, run int) []string {
	if !h.tailing.CompareAndSwap(false, true) {
		return nil
	}
	got := make(chan []string, 1)
	go func() {
		lines := readTail(names, h.index, id, run)
		h.tailing.Store(false) // before whoever has waited asks for the next ones
		got <- lines
	}()
	late := time.NewTimer(tailWait)
	defer late.Stop()
	select {
	case lines := <-got:
		return lines
	case <-late.C:
		return nil
	}
}

func readTail(names logNames, index string, id spec.CloneID, run int) []string {
	var all []LogLine
	known := true
	for i, path := range []string{names.stdout, names.stderr} {
		if path == "" || i == 1 && path == names.stdout {
			continue
		}
		reader := NewLogReader(path, index)
		lines, _ := reader.Last(LogQuery{Lines: tailLines, Look: tailLook, Match: func(line *LogLine) bool {
			return !line.Known || line.Clone == string(id) && line.Run == run
		}})
		for _, line := range lines {
			known = known && line.Known
			line.Text = slices.Clone(line.Text[:min(len(line.Text), tailLength)])
			all = append(all, line)
		}
		reader.Close()
	}
	if known { // else nobody knows which came first, and errors stand last
		slices.SortStableFunc(all, func(a, b LogLine) int { return a.Time.Compare(b.Time) })
	}
	all = all[max(0, len(all)-tailLines):]
	var lines []string
	for _, line := range all {
		lines = append(lines, strings.ToValidUTF8(string(line.Text), "\uFFFD"))
	}
	return lines
}
