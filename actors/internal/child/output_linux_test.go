package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/internal/logs"
)

// readAtTheEnd starts a run and reads a file at the very moment at which the end is told.
func readAtTheEnd(table *Table, id RunID, launch Launch, path string) (e *ear, text func() string) {
	e = newEar()
	var found []byte
	table.Attach(id, planOf(launch), func(note Note) {
		if isLast(note) {
			found, _ = os.ReadFile(path)
		}
		e.hear(note)
	})
	return e, func() string { return string(found) }
}

func TestTheLastLinesAreInTheFileBeforeTheEndIsTold(t *testing.T) {
	table, directory := newTable(t, Direct{}), t.TempDir()
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			path := filepath.Join(directory, fmt.Sprint(i))
			c := shell(`printf 'first\nlast, without an end'`)
			if i%2 == 1 {
				c = shell(`printf 'first\nlast, without an end'; kill -9 $$`)
			}
			launch := logged(c, path, path+".err")
			e, text := readAtTheEnd(table, RunID{"web:1", i}, launch, path)
			await[Ended](t, e)
			want(t, "lines", "first\nlast, without an end\n", text())
			want(t, "counted", 2, launch.Lines.Logged.Load())
			want(t, "of standard error", "", content(t, path+".err"))
		})
	}
	all.Wait()
}

func TestMuchOutputIsWholeWhenTheEndIsTold(t *testing.T) {
	table, path := newTable(t, Direct{}), filepath.Join(t.TempDir(), "log")
	launch := logged(ourselves("lines", "web", "20000"), path, path)
	e, text := readAtTheEnd(table, RunID{"web:1", 1}, launch, path)
	await[Ended](t, e)
	if err := numbered(text(), "web", 20000); err != nil {
		t.Error(err)
	}
	want(t, "counted", 20000, launch.Lines.Logged.Load())
	want(t, "dropped", 0, launch.Lines.Dropped.Load())
}

func TestStreamsOfOneFileKeepTheirOrder(t *testing.T) {
	table, path := newTable(t, Direct{}), filepath.Join(t.TempDir(), "log")
	c := shell(`i=0; while [ $i -lt 200 ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); done`)
	e, text := readAtTheEnd(table, RunID{"web:1", 1}, logged(c, path, path), path)
	await[Ended](t, e)
	var expected strings.Builder
	for i := range 200 {
		fmt.Fprintf(&expected, "out %d\nerr %d\n", i, i)
	}
	want(t, "lines", expected.String(), text())
}

func TestStreamsOfTwoFilesAreKeptApart(t *testing.T) {
	table, directory := newTable(t, Direct{}), t.TempDir()
	out, err := filepath.Join(directory, "out"), filepath.Join(directory, "err")
	launch := logged(shell(`echo one; echo two >&2; echo three`), out, err)
	e := begin(table, RunID{"web:1", 1}, launch)
	await[Ended](t, e)
	want(t, "standard output", "one\nthree\n", content(t, out))
	want(t, "standard error", "two\n", content(t, err))
	want(t, "counted", 3, launch.Lines.Logged.Load())
}

func TestClonesThatShareAFileGiveWholeLines(t *testing.T) {
	const count = 5000
	table, path := newTable(t, Direct{}), filepath.Join(t.TempDir(), "log")
	names := []string{"one", "two", "three"}
	var launches []Launch
	var ears []*ear
	for i, name := range names {
		launch := logged(ourselves("lines", name, fmt.Sprint(count)), path, path)
		launches = append(launches, launch)
		ears = append(ears, begin(table, RunID{name, i}, launch))
	}
	for i, e := range ears {
		await[Ended](t, e)
		if err := numbered(content(t, path), names[i], count); err != nil {
			t.Error(err)
		}
	}
	text := content(t, path)
	for i, name := range names {
		want(t, "counted of "+name, count, launches[i].Lines.Logged.Load())
		want(t, "dropped of "+name, 0, launches[i].Lines.Dropped.Load())
	}
	want(t, "lines of all", count*len(names), strings.Count(text, "\n"))
}

// Whoever left the group keeps the pipe, and may write: the end does not wait for it.
func TestAStrayThatKeepsThePipeDoesNotDelayTheEnd(t *testing.T) {
	table, directory := newTable(t, Direct{}), t.TempDir()
	path, fifo, pidFile := filepath.Join(directory, "log"), filepath.Join(directory, "fifo"), filepath.Join(directory, "pid")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	c := shell(`setsid sh -c 'echo $$ >"$2"; read line <"$1"; echo "later"' sh "$1" "$2" & while [ ! -s "$2" ]; do sleep 0.01; done; echo now; exit 3`, fifo, pidFile)
	launch := logged(c, path, path)
	e, text := readAtTheEnd(table, RunID{"web:1", 1}, launch, path)
	want(t, "status", Status{Code: 3}, how(await[Ended](t, e).Status))
	wantStory(t, "Spawned Ended", e)
	want(t, "lines at the end", "now\n", text())
	stray := pidIn(t, pidFile)
	if !alive(stray) {
		t.Error("the stray was ended, though it left the group")
	}
	write, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	if _, err := write.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stray's line is in the file", func() bool { return content(t, path) == "now\nlater\n" })
	eventually(t, "the stray has gone", func() bool { return !alive(stray) })
	want(t, "counted", 2, launch.Lines.Logged.Load())
}

// Whoever stays in the group is ended: by TERM, and its last words are in the file when the end is told.
func TestALeftoverIsEndedAndItsLastWordsKept(t *testing.T) {
	table, directory := newTable(t, Direct{}), t.TempDir()
	for i := range 20 {
		path, ready := filepath.Join(directory, fmt.Sprint(i)), filepath.Join(directory, fmt.Sprint(i, ".ready"))
		c := shell(`(sleep 1000 & trap 'seq 9000; echo bye; exit' TERM; echo ready >"$1"; wait) & while [ ! -s "$1" ]; do sleep 0.01; done; echo main; exit 3`, ready)
		launch := logged(c, path, path)
		e, text := readAtTheEnd(table, RunID{"web:1", i}, launch, path)
		want(t, "status", Status{Code: 3}, how(await[Ended](t, e).Status))
		wantStory(t, "Spawned MainGone Ended", e)
		if lines := strings.Split(text(), "\n"); len(lines) != 9003 || lines[0] != "main" || lines[9000] != "9000" || lines[9001] != "bye" {
			t.Errorf("%d lines at the end, the last is %q", len(lines)-1, lines[max(0, len(lines)-2)])
		}
		want(t, "counted", 9002, launch.Lines.Logged.Load())
	}
}

func TestALeftoverThatIgnoresTermIsKilledWhenItsTimeIsOver(t *testing.T) {
	table, id, ready := newTable(t, Direct{}), RunID{"web:1", 1}, filepath.Join(t.TempDir(), "ready")
	e := newEar()
	plan := planOf(Launch{Command: shell(`(trap '' TERM; sh -c 'echo $PPID' >"$1"; while :; do sleep 0.01; done) & while [ ! -s "$1" ]; do sleep 0.01; done; exit 3`, ready)})
	plan.Leftover = 300 * time.Millisecond
	table.Attach(id, plan, e.hear)
	gone := await[MainGone](t, e)
	want(t, "status", Status{Code: 3}, how(gone.Status))
	ended := await[Ended](t, e)
	if took := time.Since(ended.At); took < plan.Leftover {
		t.Errorf("it was killed after %v, before its %v were over", took, plan.Leftover)
	}
	want(t, "time of the end, which is the main process's", gone.At, ended.At)
	if pid := pidIn(t, ready); alive(pid) {
		t.Errorf("%d lives on", pid)
	}
	wantStory(t, "Spawned MainGone Ended", e)
}

func TestEqualOptionsAreKeptOnce(t *testing.T) {
	var s sharing
	options := func(path string) *logs.FileOptions {
		return &logs.FileOptions{Path: path, Rotate: logs.Rotation{Size: 1}, Forward: []logs.Target{{}}}
	}
	out, err := s.of(options("out")), s.of(options("err"))
	for range 3 {
		if s.of(options("out")) != out || s.of(options("err")) != err || out == err {
			t.Fatal("want one for each file")
		}
	}
	other := options("out")
	other.Forward = nil
	if s.of(other) != other {
		t.Error("want another one where they differ")
	}
	for _, path := range []string{"a", "b", "c", "d"} {
		s.of(options(path))
	}
	if again := s.of(options("out")); again == out {
		t.Error("want only the latest to be known")
	}
}
