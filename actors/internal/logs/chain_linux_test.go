package logs

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Whoever follows a log is told that lines are missing when some are, and only then, however few files are kept.
func TestAGapIsToldWhereThereIsOne(t *testing.T) {
	for _, keep := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			p, indexes := indexedPump(t)
			path := logPath(t)
			f := open(t, p, FileOptions{Path: path, OnFull: Block, Rotate: Rotation{Size: 100, Keep: keep}})
			_, w := named(t, p, "web:1#1.out", f)
			r := indexReader(t, path, indexes)
			sent := 0
			grow := func() { // a file a line
				line := fmt.Sprintf("%d %s\n", sent, strings.Repeat("x", 90))
				sent++
				write(t, w, line)
				eventually(t, "line "+line, func() bool {
					text, _ := os.ReadFile(path) // it has no name for a moment
					return strings.HasSuffix(string(text), line)
				})
			}
			next := 0
			for step := range 30 {
				missed := 0
				if step%10 == 9 { // so many that one is gone
					missed = 1 + step/10
					for range missed + keep {
						grow()
					}
				}
				grow()
				lines, gap := rest(t, r)
				if gap != (missed > 0) {
					t.Errorf("step %d: a gap is told: %v; missed are %d", step, gap, missed)
				}
				next += missed
				for _, line := range lines {
					if want := fmt.Sprint(next, " "); !strings.HasPrefix(line, want) {
						t.Fatalf("step %d: want %s, got %.10s", step, want, line)
					}
					next++
				}
				want(t, "lines", sent, next)
			}
		})
	}
}
