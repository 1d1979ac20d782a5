package child

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/dcousineau/phorever/actors/internal/osproc"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// markVariable is the variable by which everything that a run starts is known.
const markVariable = "PHOREVER_ID"

func (t *Table) mark(id RunID) string { return fmt.Sprintf("%s=%s/%s", markVariable, t.key, id) }

// marked is a process that carries a mark of ours.
type marked struct {
	pid    int
	start  uint64
	leader bool // of a session
}

// walkMarks calls each for every process but this one that lives and carries a mark of a configuration.
func walkMarks(key string, each func(RunID, marked)) {
	for pid := range pidfd.All() {
		if pid == os.Getpid() {
			continue
		}
		mark, ok := pidfd.Environ(pid, markVariable)
		if !ok {
			continue
		}
		name, ours := strings.CutPrefix(mark, key+"/")
		id, valid := parseRunID(name)
		info, lives := pidfd.ReadInfo(pid)
		if ours && valid && lives && !info.Ended() {
			each(id, marked{pid, info.Start, info.Session == pid})
		}
	}
}

// LeftBehind counts the runs of a configuration that go on: by what was saved of them, and by their marks.
func LeftBehind(key string, values map[string][]byte) int {
	runs := map[RunID]bool{}
	for id, s := range savedRuns(values) {
		if lives(osproc.Member{Pid: s.Pid, Start: s.Start}) || slices.ContainsFunc(s.Known, lives) {
			runs[id] = true
		}
	}
	walkMarks(key, func(id RunID, _ marked) { runs[id] = true })
	return len(runs)
}
