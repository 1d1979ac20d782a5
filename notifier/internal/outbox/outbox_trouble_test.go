package outbox

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

// TestAFileThatIsDamagedWhileItIsUsed costs nothing: memory has it all.
func TestAFileThatIsDamagedWhileItIsUsed(t *testing.T) {
	for name, hurt := range map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 2*filePageSize) },
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"zeroes": func(path string) error {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer file.Close()
			_, err = file.WriteAt(make([]byte, 1<<16), 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOutbox(t)
			var want []string
			for i := range 20 {
				want = append(want, fmt.Sprint(i))
				commit(t, o, "ops", tidings(news.First, fmt.Sprint(i), fmt.Sprint(i)))
			}
			if err := hurt(o.path); err != nil {
				t.Fatal(err)
			}
			err := o.Commit("mail", noon, Batch{Messages: []news.Message{tidings(news.First, "x", "x")}})
			if err == nil || !strings.Contains(err.Error(), "is damaged") || !strings.Contains(err.Error(), "a new file has all that waits") {
				t.Errorf("it says %v", err)
			}
			if err := o.Trouble(); err != nil || !o.shelves["ops"].clean() {
				t.Errorf("trouble: %v, clean: %v", err, o.shelves["ops"].clean())
			}
			if _, err := os.Stat(o.path + damagedSuffix); err != nil {
				t.Error(err)
			}
			o = reopen(t, o)
			wantIDs(t, o, "ops", want...)
			wantIDs(t, o, "mail", "x")
		})
	}
}

// TestAFullDiskDelaysOnlyTheDisk: memory has what could not be written, and the disk gets it as soon as there is room.
func TestAFullDiskDelaysOnlyTheDisk(t *testing.T) {
	o := newOutbox(t)
	o.pause = time.Millisecond
	commit(t, o, "ops", tidings(news.First, "1", "web"), tidings(news.First, "2", "web"))
	commit(t, o, "mail", tidings(news.First, "4", "web"))
	o.mu.Lock()
	o.timer.Reset(time.Millisecond)
	descriptor := int(o.file.file.Fd())
	o.mu.Unlock()
	keep, err := unix.Dup(descriptor)
	if err != nil {
		t.Fatal(err)
	}
	blind, err := os.Open(o.path) // nothing can be written through this one
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup2(int(blind.Fd()), descriptor); err != nil {
		t.Fatal(err)
	}
	blind.Close()
	if err := o.Delivered("ops", take(t, o, "ops").Seq); !errors.Is(err, syscall.EBADF) {
		t.Errorf("delivered: %v", err)
	}
	if err := o.Commit("ops", noon, Batch{Messages: []news.Message{tidings(news.First, "3", "web")}, Incidents: map[string][]byte{"a": {1}}}); !errors.Is(err, syscall.EBADF) {
		t.Errorf("commit: %v", err)
	}
	if err := o.Trouble(); !errors.Is(err, syscall.EBADF) {
		t.Errorf("trouble: %v", err)
	}
	wantIDs(t, o, "ops", "2", "3")
	if err := o.Keep([]string{"ops"}); err == nil {
		t.Error("there is nothing to write")
	}
	if err := o.Commit("mail", noon, Batch{Messages: []news.Message{tidings(news.First, "5", "web")}}); err == nil {
		t.Error("there is nothing to write")
	}
	if err := errors.Join(unix.Dup2(keep, descriptor), unix.Close(keep)); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); o.Trouble() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it was not written")
		}
	}
	o = reopen(t, o)
	wantIDs(t, o, "ops", "2", "3")
	wantIDs(t, o, "mail", "5")
	if len(o.Incidents("ops")) != 1 {
		t.Error("the incident is not there")
	}
}
