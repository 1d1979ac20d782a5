package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/dcousineau/phorever/spec"
)

var someTime = time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.FixedZone("", 3600))

func TestOneFactIsOneLine(t *testing.T) {
	entry := &logrus.Entry{
		Time: someTime, Level: logrus.WarnLevel, Message: "web:1 exited 1\nafter \x1b[31m5s",
		Data: logrus.Fields{"run": 3, "event": "process.exited"},
	}
	for _, test := range []struct {
		form func(*logrus.Entry) []byte
		want string
	}{
		{fileLine, "2026-02-03T04:05:06.789+01:00 WARN  web:1 exited 1 after ?[31m5s event=process.exited run=3\n"},
		{terminalLine, "phorever: 04:05:06.789 warn: web:1 exited 1 after ?[31m5s\n"},
		{colouredLine, "\x1b[2mphorever: 04:05:06.789\x1b[0m \x1b[33mweb:1 exited 1 after ?[31m5s\x1b[0m\n"},
	} {
		if got := string(test.form(entry)); got != test.want {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
	}
	var object map[string]any
	if line := jsonLine(entry); json.Unmarshal(line, &object) != nil || bytes.Count(line, []byte("\n")) != 1 {
		t.Fatalf("not one JSON object on one line: %s", line)
	}
	for key, want := range map[string]any{"level": "warning", "run": 3.0, "time": "2026-02-03T04:05:06.789+01:00", "message": entry.Message} {
		if object[key] != want {
			t.Errorf("%s is %v, want %v", key, object[key], want)
		}
	}
}

func TestTimesFollowTheConfiguredZone(t *testing.T) {
	j := newJournal()
	var written bytes.Buffer
	j.toTerminal(&written, spec.FormatText)
	j.zone.Store(time.FixedZone("", 2*3600))
	j.WithTime(someTime).Info("here")
	j.close()
	if got := written.String(); got != "phorever: 05:05:06.789 here\n" {
		t.Errorf("got %q", got)
	}
}

// TestAStuckTerminalDelaysNobody: whoever logs goes on while the terminal takes nothing, and what did not fit is counted.
func TestAStuckTerminalDelaysNobody(t *testing.T) {
	release := make(chan struct{})
	var lost int
	written := 0
	s := newSluice(func(_ []byte, missing int) {
		<-release
		written++
		lost += missing
	})
	s.start()
	const offered = mostLines + 500
	for range offered {
		s.offer([]byte("line\n"))
	}
	close(release)
	s.offer([]byte("last\n"))
	s.close(time.After(10 * time.Second))
	if missing := lost + int(s.lost.Load()); written+missing != offered+1 || missing < 400 {
		t.Errorf("%d written and %d counted as missing, of %d", written, missing, offered+1)
	}
	s.offer([]byte("too late\n")) // must not panic
}

func TestCloseWaitsForNoStuckTerminal(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	s := newSluice(func([]byte, int) { <-stuck })
	s.start()
	s.offer([]byte("line\n"))
	late := make(chan time.Time)
	close(late)
	s.close(late)
}

// TestAFullDiskIsCounted: lines that the disk does not take are counted, and the count is written once there is room. A
// line of which only a part was taken does not run into the next.
func TestAFullDiskIsCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.log")
	f, err := openLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	good := f.file
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no /dev/full here")
	}
	f.write([]byte("one\n"), 0)
	f.file = full
	f.write([]byte("two\n"), 0)
	f.write([]byte("three\n"), 2)
	f.file = good
	f.write([]byte("four\n"), 0)
	f.write([]byte("five\n"), 0)
	content, err := os.ReadFile(path)
	if want := "one\n(4 lines are missing here)\nfour\nfive\n"; err != nil || string(content) != want {
		t.Errorf("got %q, %v, want %q", content, err, want)
	}
}

func TestATornLineEndsBeforeTheNext(t *testing.T) {
	f, err := openLogFile(filepath.Join(t.TempDir(), "phorever.log"))
	if err != nil {
		t.Fatal(err)
	}
	var before syscall.Rlimit
	f.write([]byte("0123456789\n"), 0)
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limited := before
	limited.Cur = 16
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil { // SIGXFSZ does nothing to a Go program
		t.Fatal(err)
	}
	f.write([]byte("torn line\n"), 0)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	f.write([]byte("next\n"), 0)
	content, err := os.ReadFile(f.path)
	if want := "0123456789\ntorn \n(1 lines are missing here)\nnext\n"; err != nil || string(content) != want {
		t.Errorf("got %q, %v, want %q", content, err, want)
	}
}

func TestReopenWritesToTheNewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.log")
	f, err := openLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.write([]byte("old\n"), 0)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := f.reopen(); err != nil {
		t.Fatal(err)
	}
	f.write([]byte("new\n"), 0)
	for name, want := range map[string]string{path: "new\n", path + ".1": "old\n"} {
		if content, _ := os.ReadFile(name); string(content) != want {
			t.Errorf("%s holds %q", name, content)
		}
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := f.reopen(); err == nil {
		t.Error("a directory that is gone is no error")
	}
	f.write([]byte("still\n"), 0) // into the old one, without a panic
	if !strings.HasSuffix(f.path, "phorever.log") {
		t.Error(f.path)
	}
}

// The daemon's own log is put aside like any other; whoever shares its descriptor gets the new one.
func TestTheLogIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.log")
	f, err := openLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var told []int
	f.tell(func(fd int) { told = append(told, fd) })
	f.rotate.Store(&spec.Rotate{Size: 100, Keep: 2})
	for i := range 100 {
		f.write(fmt.Appendf(nil, "line %02d\n", i), 0)
	}
	var kept string
	for _, name := range []string{path + ".2", path + ".1", path} {
		content, err := os.ReadFile(name)
		if err != nil || len(content) > 108 {
			t.Errorf("%s: %d bytes, %v", name, len(content), err)
		}
		kept += string(content)
	}
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("too many are kept")
	}
	if !strings.HasPrefix(kept, "line 65\n") || !strings.HasSuffix(kept, "line 98\nline 99\n") || strings.Count(kept, "\n") != 35 {
		t.Errorf("kept %q", kept)
	}
	if len(told) < 8 {
		t.Errorf("told of %v", told)
	}
}
