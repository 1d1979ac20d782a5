package keeper

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/epoll"
)

// A FIFO that is handed over open keeps what was written to it, also when the daemon is gone before the keeper hears of it.
func TestAFIFOIsHandedOverOpen(t *testing.T) {
	ends, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "stage.0")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	both, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	(&Link{socket: ends[0]}).Keep(path, int(both.Fd()))
	if _, err := both.WriteString("word"); err != nil {
		t.Fatal(err)
	}
	_ = both.Close()
	_ = unix.Close(ends[0])
	k := &keeper{held: map[string]int{}, daemon: daemon{socket: ends[1]}, quiet: time.AfterFunc(time.Hour, func() {})}
	defer k.quiet.Stop()
	defer unix.Close(ends[1])
	k.drain()
	defer k.letFIFO(path)
	reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	buffer := make([]byte, 100)
	if err := reader.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n, err := reader.Read(buffer); string(buffer[:n]) != "word" {
		t.Errorf("it has %q: %v", buffer[:n], err)
	}
}

// Settle returns when the keeper has heard what was said before, however slow it is.
func TestSettle(t *testing.T) {
	ends, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[1])
	link := &Link{socket: ends[0]}
	if link.epoll, err = epoll.New(); err != nil {
		t.Fatal(err)
	}
	defer link.release()
	if err := link.epoll.Control(unix.EPOLL_CTL_ADD, ends[0], &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		t.Fatal(err)
	}
	heard := make(chan []word, 1)
	go func() {
		var words []word
		buffer, control := make([]byte, mostBytes), make([]byte, 256)
		for !slices.Contains(words, look) {
			all, err := receive(ends[1], buffer, control)
			if err == io.EOF {
				break
			}
			for _, m := range all {
				words = append(words, m.word)
			}
			time.Sleep(10 * time.Millisecond)
		}
		heard <- words
		_ = transmit(ends[1], message{word: strays, texts: []string{"web:1#1"}, file: -1}.append(nil), -1) // the answer to somebody else
		_ = transmit(ends[1], message{word: strays, texts: []string{settled}, file: -1}.append(nil), -1)
	}()
	link.Hold("a FIFO")
	link.Settle(time.Minute)
	select {
	case words := <-heard:
		if want := []word{hold, look}; !slices.Equal(words, want) {
			t.Errorf("the keeper has heard %v, want %v", words, want)
		}
	default:
		t.Error("it did not wait for the keeper")
	}
}
