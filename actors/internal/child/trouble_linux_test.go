package child

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestARunWithoutLogsWritesIntoNothing(t *testing.T) {
	table, directory := newTable(t, Direct{}), t.TempDir()
	// The shell's own descriptors, through a child of it: it tells by its exit code where they lead.
	check := `[ "$(readlink /proc/$$/fd/1)" = "$1" ] && [ "$(readlink /proc/$$/fd/2 | cut -c1-5)" = "$2" ] && echo lost && echo kept >&2`
	lines, path := &Lines{}, filepath.Join(directory, "err")
	none := begin(table, RunID{"web:1", 1}, Launch{Command: shell(check, "/dev/null", "/dev/"), Lines: lines})
	half := begin(table, RunID{"web:2", 1}, Launch{Command: shell(check, "/dev/null", "pipe:"), Lines: lines, Stderr: &LogFile{Path: path}})
	want(t, "both into nothing", Status{}, how(await[Ended](t, none).Status))
	want(t, "one into a file", Status{}, how(await[Ended](t, half).Status))
	want(t, "standard error", "kept\n", content(t, path))
	want(t, "counted", 1, lines.Logged.Load())
	entries, err := os.ReadDir(directory)
	if err != nil || len(entries) != 1 {
		t.Errorf("want one file, got %v, %v", entries, err)
	}
}

func TestALogThatCannotBeOpenedStopsNobody(t *testing.T) {
	table, directory := newTable(t, Direct{}), t.TempDir()
	notADirectory := filepath.Join(directory, "file")
	if err := os.WriteFile(notADirectory, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(notADirectory, "log")
	launch := logged(ourselves("lines", "web", "20000"), path, path) // more than the pipe holds
	e := begin(table, RunID{"web:1", 1}, launch)
	want(t, "status", Status{}, how(await[Ended](t, e).Status))
	wantStory(t, "Spawned Ended", e)
	want(t, "counted as dropped", 20000, launch.Lines.Dropped.Load())
	want(t, "counted as logged", 0, launch.Lines.Logged.Load())
}

// A process that may not lose a line waits for its log; its end does not.
func TestALogThatCannotBeOpenedDelaysNoEnd(t *testing.T) {
	table, directory := newTable(t, Direct{}), t.TempDir()
	notADirectory := filepath.Join(directory, "file")
	if err := os.WriteFile(notADirectory, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file := &LogFile{Path: filepath.Join(notADirectory, "log"), OnFull: Block}
	short, long := RunID{"short:1", 1}, RunID{"long:1", 1}
	ended := begin(table, short, Launch{Command: shell("echo a; exit 3"), Stdout: file, Lines: &Lines{}})
	waiting := begin(table, long, Launch{Command: ourselves("lines", "web", "20000"), Stdout: file, Lines: &Lines{}})
	want(t, "status", Status{Code: 3}, how(await[Ended](t, ended).Status))
	await[Spawned](t, waiting)
	<-time.After(100 * time.Millisecond) // it could have written everything
	wantStory(t, "Spawned", waiting)
	table.Kill(long)
	want(t, "status", bySignal(syscall.SIGKILL), how(await[Ended](t, waiting).Status))
}

func TestReopeningWhileWritingLosesAndTearsNothing(t *testing.T) {
	const count = 20000
	table, directory := newTable(t, Direct{}), t.TempDir()
	path := filepath.Join(directory, "log")
	launch := logged(ourselves("lines", "web", fmt.Sprint(count)), path, path)
	launch.Command.Env = append(launch.Command.Env, paceVariable+"=1")
	e := begin(table, RunID{"web:1", 1}, launch)
	await[Spawned](t, e)
	var files []string
	for over := false; !over; {
		over = isLast(table.last(RunID{"web:1", 1}))
		rotated := filepath.Join(directory, fmt.Sprintf("log.%d", len(files)))
		if os.Rename(path, rotated) != nil { // it is not there yet
			continue
		}
		files = append(files, rotated)
		table.Reopen()
		<-time.After(2 * time.Millisecond)
	}
	await[Ended](t, e)
	var all strings.Builder
	for _, file := range append(files, path) {
		if text, err := os.ReadFile(file); err == nil { // the last may not have been made
			if part := string(text); part != "" && !strings.HasSuffix(part, "\n") {
				t.Errorf("%s ends inside a line", filepath.Base(file))
			}
			all.Write(text)
		}
	}
	if err := numbered(all.String(), "web", count); err != nil {
		t.Errorf("over %d files: %v", len(files)+1, err)
	}
	want(t, "lines", count, strings.Count(all.String(), "\n"))
	want(t, "counted", count, launch.Lines.Logged.Load())
	if len(files) < 3 {
		t.Errorf("the log was rotated %d times: that proves little", len(files))
	}
}

func TestFailedStartsLeaveNoDescriptor(t *testing.T) {
	table, directory := newTable(t, Direct{}), t.TempDir()
	path := filepath.Join(directory, "log")
	fail := func(n int) {
		t.Helper()
		var ears []*ear
		for i := range n {
			launch := logged(command("true"), path, path+".err")
			launch.Command.Path = filepath.Join(directory, "no such program")
			ears = append(ears, begin(table, RunID{"web:1", i}, launch))
		}
		for i, e := range ears {
			await[SpawnFailed](t, e)
			table.Release(RunID{"web:1", i})
		}
	}
	closed := func() bool {
		open := openFiles()
		return !slices.Contains(open, path) && !slices.Contains(open, path+".err")
	}
	fail(1)
	eventually(t, "the files of the first start are closed", closed)
	before := len(openFiles()) // its pipes may be a moment behind
	fail(100)
	eventually(t, "the files of a hundred are closed", closed)
	var after []string
	eventually(t, fmt.Sprintf("about %d descriptors are open again, of a hundred times four", before), func() bool {
		after = openFiles()
		return len(after) <= before
	})
	want(t, "runs", 0, table.Live())
}

func TestLastLinesOfALogThatIsNotThereAreNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	lines, err := LastLines(path, 5)
	if err != nil || lines != nil {
		t.Errorf("want nothing, got %q, %v", lines, err)
	}
	if err := os.WriteFile(path, []byte("a\nb\nc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if lines, err = LastLines(path, 2); err != nil || !slices.Equal(lines, []string{"b", "c"}) {
		t.Errorf("want b and c, got %q, %v", lines, err)
	}
}
