package logs

import (
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// However many lines are asked for, none is held: a line costs more than its text, and many short ones cost more than a machine has.
func TestNobodyHoldsTheLastLines(t *testing.T) {
	const lines = 500_000
	for _, how := range []Compression{"", Zstd} {
		path := filepath.Join(t.TempDir(), "web.log")
		put(t, path+".1", strings.Repeat("y\n", lines))
		put(t, path, "end\n")
		if how != "" {
			var a aside
			if err := a.compress(path, how, nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, asked := range []int{lines, math.MaxInt} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			given := 0
			last := ""
			err := reader(t, path).Each(Query{Lines: asked}, func(line Line) bool {
				given++
				if line.Text[0] == 'e' {
					last = string(line.Text)
				}
				return true
			})
			runtime.ReadMemStats(&after)
			if err != nil || given != min(asked, lines+1) || last != "end" {
				t.Errorf("%s: %d lines of %d, the last one %q, %v", how, given, asked, last, err)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
				t.Errorf("%s: %d lines of a byte took %d bytes of memory", how, given, took)
			}
		}
	}
}

// Whoever wants no more is not given more, and what comes later is there all the same.
func TestWhoeverHasEnoughStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.log")
	put(t, path+".1", "1\n2\n")
	put(t, path, "3\n4\n")
	r := reader(t, path)
	var got []string
	err := r.Each(Query{Lines: math.MaxInt, Follow: true}, func(line Line) bool {
		got = append(got, string(line.Text))
		return len(got) < 3
	})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, "until there is enough", got, "1", "2", "3")
	add(t, path, "5\n")
	lines, _ := rest(t, r)
	wantLines(t, "what comes", lines, "5")
}
