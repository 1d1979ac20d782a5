package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// volume is what is written: by each of the writers so many bytes, in writes of one size.
type volume struct {
	writers int
	bytes   int64 // of each writer; 0 is without end
	size    int64 // of a write
}

// volumeOf divides a total among writers, in whole writes.
func volumeOf(total int64, writers int, size int64) volume {
	return volume{writers, max(total/int64(writers)/size, 1) * size, size}
}

func (v volume) total() int64 { return v.bytes * int64(v.writers) }
func (v volume) lines() int64 { return v.bytes / lineOf(v.size) } // of each writer

// lineOf is the length of the lines in writes of some size.
func lineOf(size int64) int64 { return min(size, 128) }

// lastLine is how the last line of each writer ends.
var lastLine = []byte("last\n")

// writers are children that write all at once, when they are told to.
type writers struct {
	volume
	*sink   // to which each tells its birth, and that it has written everything
	gate    string
	open    *os.File
	program []string
}

// newWriters prepares a place for them. Somebody else starts them: see command.
func (b *bench) newWriters(v volume) (*writers, error) {
	directory, err := b.scratch()
	if err != nil {
		return nil, err
	}
	w := &writers{volume: v, gate: filepath.Join(directory, "gate"), program: []string{b.helpers["writer"]}}
	if w.program[0] == "" {
		w.program = []string{b.self, "bench-writer"}
	}
	if err := syscall.Mkfifo(w.gate, 0o600); err != nil {
		return nil, fmt.Errorf("fifo: %w", err)
	}
	w.sink, err = newSink(directory, v.writers)
	return w, err
}

func (w *writers) command() []string {
	return append(w.program[:len(w.program):len(w.program)], w.path, w.gate, strconv.FormatInt(w.bytes, 10), strconv.FormatInt(w.size, 10))
}

// begin lets all of them write.
func (w *writers) begin() error {
	var err error
	w.open, err = os.OpenFile(w.gate, os.O_RDWR, 0)
	return err
}

func (w *writers) close() {
	w.sink.close()
	if w.open != nil {
		w.open.Close()
	}
}

// write is "bench-writer FIFO GATE BYTES SIZE", the stand-in for native/writer.c where there is no C compiler.
func write(arguments []string) int {
	if len(arguments) < 4 {
		return 2
	}
	total, _ := strconv.ParseInt(arguments[2], 10, 64)
	size, _ := strconv.ParseInt(arguments[3], 10, 64)
	fifo, err := syscall.Open(arguments[0], syscall.O_WRONLY, 0)
	if err != nil || lineOf(size) < 8 {
		return 2
	}
	block := bytes.Repeat([]byte{'x'}, int(size))
	for end := lineOf(size); end <= size; end += lineOf(size) {
		block[end-1] = '\n'
	}
	if _, err := syscall.Write(fifo, birthRecord()); err != nil {
		return 3
	}
	if _, err := syscall.Open(arguments[1], syscall.O_RDONLY, 0); err != nil {
		return 3
	}
	for left := total; total == 0 || left > 0; left -= size {
		if left == size {
			copy(block[len(block)-len(lastLine):], lastLine)
		}
		if n, err := syscall.Write(1, block); n != len(block) || err != nil {
			return 4
		}
	}
	_ = syscall.Close(1)
	if _, err := syscall.Write(fifo, birthRecord()); err != nil {
		return 3
	}
	for {
		time.Sleep(time.Hour)
	}
}
