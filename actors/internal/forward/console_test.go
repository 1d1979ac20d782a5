package forward

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pipe is one whose write end blocks, as that of a daemon's stdout does.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		t.Fatal(err)
	}
	r, w = os.NewFile(uintptr(ends[0]), "r"), os.NewFile(uintptr(ends[1]), "w")
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func readLine(t *testing.T, r io.Reader) string {
	t.Helper()
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(r).ReadString('\n')
		lines <- line
	}()
	return soon(t, "a line", lines)
}

func TestAFullPipeHoldsNobodyUpAndLosesNoOrder(t *testing.T) {
	r, w := pipe(t)
	heard := newNotes()
	f := begin(t, "stdout", Options{Stdout: w, Hear: heard.hear, Buffer: 1 << 20})
	const lines = 5000
	offered := fmt.Sprintf("long %s\n", strings.Repeat("x", 70000)) // is half in the pipe when it is full
	f.Offer(web, noon, []byte(offered))
	offerNumbers(f, 0, lines)
	failing, next := await[Failing](t, heard, 0)
	if !os.IsTimeout(failing.Err) {
		t.Errorf("it failed with %v, want that it took too long", failing.Err)
	}
	wrong := make(chan string, 1)
	go func() {
		in := bufio.NewReader(r)
		line, _ := in.ReadString('\n')
		for i := 0; i < lines && line == "web:2 | "+offered; i++ {
			line, _ = in.ReadString('\n')
			offered = number(i) + "\n"
		}
		wrong <- line
	}()
	if got, want := soon(t, "the last line", wrong), "web:2 | "+number(lines-1)+"\n"; got != want {
		t.Errorf("the lines end with %.50q, want %q", got, want)
	}
	await[Working](t, heard, next)
	f.Close(5 * time.Second)
	wantCounts(t, f, lines+1, 0)
}

func TestCloseDoesNotWaitForAFullPipe(t *testing.T) {
	_, w := pipe(t)
	f := begin(t, "stderr", Options{Stderr: w})
	const lines = 50000
	offerNumbers(f, 0, lines)
	begin := time.Now()
	f.Close(100 * time.Millisecond)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("Close took %s", took)
	}
	if sent, dropped := f.Counts(); sent+dropped != lines || sent == 0 || dropped == 0 {
		t.Errorf("sent %d and dropped %d of %d", sent, dropped, lines)
	}
}

func TestAPipeWithoutAReaderIsAnError(t *testing.T) {
	r, w := pipe(t)
	heard := newNotes()
	f := begin(t, "stdout", Options{Stdout: w, Hear: heard.hear})
	f.Offer(web, noon, []byte("x\n"))
	readLine(t, r)
	r.Close()
	f.Offer(web, noon, []byte("y\n"))
	if failing, _ := await[Failing](t, heard, 0); !errors.Is(failing.Err, unix.EPIPE) {
		t.Errorf("it failed with %v, want that there is no reader", failing.Err)
	}
	f.Close(50 * time.Millisecond)
	wantCounts(t, f, 1, 1)
}

func TestStdoutIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fmt.Fprintln(file, "before")
	f := begin(t, "stdout", Options{Stdout: file})
	f.Offer(web, noon, []byte("x\ny\n"))
	f.Close(5 * time.Second)
	fmt.Fprintln(file, "after")
	if got, err := os.ReadFile(path); err != nil || string(got) != "before\nweb:2 | x\nweb:2 | y\nafter\n" {
		t.Errorf("the file is %q, %v", got, err)
	}
}

func TestAPolledPipeTimesOutAndEnds(t *testing.T) {
	_, w := pipe(t)
	fd, err := duplicate(w)
	if err != nil || fd <= 2 {
		t.Fatalf("the descriptor is %d, %v", fd, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &polled{fd: fd, ctx: ctx}
	defer p.Close()
	_ = p.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	n, err := p.Write(make([]byte, 1<<20))
	if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wrote %d, %v; want what the pipe takes, and that it took too long", n, err)
	}
	stop()
	_ = p.SetWriteDeadline(time.Now().Add(time.Hour))
	if _, err := p.Write([]byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v, want that it was stopped", err)
	}
}
