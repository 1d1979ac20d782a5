package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// patience is how long anything may take before the run is given up.
const patience = time.Minute

// birth is what a child tells as its first act.
type birth struct {
	at  int64 // nanoseconds of the wall clock
	pid int
}

// sink is a fifo to which children tell their births.
type sink struct {
	path   string
	file   *os.File
	births chan birth
}

func newSink(directory string, n int) (*sink, error) {
	s := &sink{path: filepath.Join(directory, "births"), births: make(chan birth, 4*n+64)}
	if err := syscall.Mkfifo(s.path, 0o600); err != nil {
		return nil, fmt.Errorf("fifo: %w", err)
	}
	var err error
	if s.file, err = os.OpenFile(s.path, os.O_RDWR, 0); err != nil { // a writer of our own: it never ends
		return nil, err
	}
	go s.read()
	return s, nil
}

func (s *sink) read() {
	record := make([]byte, 16)
	for {
		if _, err := io.ReadFull(s.file, record); err != nil {
			return
		}
		s.births <- birth{int64(binary.NativeEndian.Uint64(record)), int(binary.NativeEndian.Uint64(record[8:]))}
	}
}

// wait returns the next n births.
func (s *sink) wait(ctx context.Context, n int) ([]birth, error) {
	all := make([]birth, 0, n)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for len(all) < n {
		select {
		case b := <-s.births:
			all = append(all, b)
		case <-deadline.C:
			return nil, fmt.Errorf("only %d of %d children ran within %s", len(all), n, patience)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return all, nil
}

// forget drops what nobody waited for, and says how many that were.
func (s *sink) forget() int {
	for n := 0; ; n++ {
		select {
		case <-s.births:
		default:
			return n
		}
	}
}

func (s *sink) close() { s.file.Close() }
