package keeper

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// What was written into a FIFO waits in the keeper when its writer is gone: also in one that took the place of another, which a
// daemon had made for a start that it did not live to see.
func TestAFIFOInThePlaceOfAnotherIsHeld(t *testing.T) {
	k := &keeper{held: map[string]int{}}
	path := filepath.Join(t.TempDir(), "web:1#4.out")
	defer k.letFIFO(path)
	for _, words := range []string{"the first", "the second", "the third"} {
		_ = os.Remove(path)
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a daemon that takes over asks again
			k.holdFIFO(path)
		}
		writer, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := writer.WriteString(words); err != nil {
			t.Fatal(err)
		}
		_ = writer.Close()
		reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 100)
		n, _ := reader.Read(buffer)
		_ = reader.Close()
		if got := string(buffer[:n]); got != words {
			t.Errorf("want %q, got %q", words, got)
		}
	}
	if len(k.held) != 1 {
		t.Errorf("held: %v", k.held)
	}
}
