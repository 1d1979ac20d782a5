package logs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// text1500 is lines of 1500 bytes each, told apart by their letters.
func text1500(letters string) string {
	var text strings.Builder
	for _, letter := range letters {
		text.WriteString(strings.Repeat(string(letter), 1499) + "\n")
	}
	return text.String()
}

// The disk has two pages. The pump was killed while it wrote six lines, and another one finds room for less.
func TestWhatAFullFileDoesNotTakeAfterAKillIsCountedAndMarked(t *testing.T) {
	t.Parallel()
	old, lines := text1500("o"), text1500("abcdef")
	long := strings.Repeat("l", 3000)
	dress := strings.NewReplacer("a\n", "a\n> ", "b\n", "b\n> ", "c\n", "c\n> ", "d\n", "d\n> ", "e\n", "e\n> ")
	dressed := "> " + dress.Replace(lines)
	for _, c := range []struct {
		name            string
		phase           phase
		place           int64 // negative: it is not noted
		dressed         bool
		inFile, inStage string
		file            string
		logged          int64
		dropped         int64
	}{
		{"all taken", phaseTaking, -1, false, old, lines, old + lines[:6000], 4, 2},
		{"nothing written", phaseWriting, -1, false, old, lines, old + lines[:6000], 4, 2},
		{"nothing written, and it is known where", phaseWriting, 1500, false, old, lines, old + lines[:6000], 4, 2},
		{"half written", phaseWriting, 1500, false, old + lines[:2000], lines[2000:], old + lines[:6000], 4, 2},
		{"written as far as it goes", phaseWriting, 1500, false, old + lines[:6692], lines[6692:], old + lines[:6000], 4, 2},
		{"the rest of a line that is there", phaseWriting, 1500, false, old + long, strings.Repeat("l", 8000) + "\n" + text1500("abcde"), old, 0, 6},
		{"behind what somebody else wrote", phaseWriting, -1, false, old + long, strings.Repeat("l", 8000) + "\n" + text1500("abcde"), old + long, 0, 6},
		{"dressed, nothing written", phaseTaking, -1, true, old, lines, old + dressed[:6008], 4, 2},
		{"dressed, half written", phaseWriting, 1500, true, old + dressed[:2000], lines, old + dressed[:6008], 4, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			directory, _ := killedIn(t, c.phase, "", c.inStage)
			disk := smallDisk(t, "8k")
			path := filepath.Join(disk, "log")
			if err := os.WriteFile(path, []byte(c.inFile), 0o600); err != nil {
				t.Fatal(err)
			}
			l, _, err := openLedger(directory, bootID())
			if err != nil {
				t.Fatal(err)
			}
			r := l.record(0)
			r.put(recordLines, 6)
			copy(r[recordPath:], path+"\x00")
			b := &batch{record: r, lines: 6}
			if c.dressed {
				r.set(phaseTaking)
				b.raw = len(lines)
				b.frame(Form{Prefix: true}, []byte("> "), b.raw, false)
			}
			if c.place >= 0 {
				var st unix.Stat_t
				if err := unix.Stat(path, &st); err != nil {
					t.Fatal(err)
				}
				b.place(&File{pos: c.place, id: identity{st.Dev, st.Ino}})
			}
			l.leave()

			p := sheltered(t, directory)
			if got := text(t, path); got != c.file {
				t.Errorf("file: want %d bytes, got %d", len(c.file), len(got))
			}
			counter := p.Counter("clone")
			want(t, "logged", 10+c.logged, counter.Logged.Load())
			want(t, "dropped", c.dropped, counter.Dropped.Load())
			enlarge(t, disk, "64k")
			open(t, p, FileOptions{Path: path})
			eventually(t, "the marker", func() bool {
				_, marker, _ := strings.Cut(text(t, path), "[phorever]")
				return marker != "" && markedIn(t, "[phorever]"+marker) == c.dropped
			})
			hearLoss(t, p, path, c.dropped)
			want(t, "dropped, when all is over", c.dropped, counter.Dropped.Load())
		})
	}
}

// hearLoss wants a pump to tell of a loss whoever listens late.
func hearLoss(t *testing.T, p *Pump, path string, lines int64) {
	t.Helper()
	told := listen(p)
	eventually(t, "the loss is told", func() bool { return len(told()) == 2 })
	if n, ok := told()[0].(Dropping); !ok || n.Path != path || n.Stream != "clone" || Cause(n.Why) != "disk full" {
		t.Errorf("first %v", told()[0])
	}
	if n, ok := told()[1].(Dropped); !ok || n.Path != path || n.Lines != lines || n.Stream != "clone" || Cause(n.Why) != "disk full" {
		t.Errorf("then %v", told()[1])
	}
}
