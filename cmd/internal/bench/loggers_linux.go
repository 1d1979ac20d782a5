package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// logger moves what writers write into files.
type logger interface {
	// files are where the output of each writer goes.
	files() []string
	// used is the processor time that it has needed so far.
	used() (time.Duration, error)
	// rest waits until nothing is left to do, when everything is in the files.
	rest() error
	// check looks whether everything is there, afterwards.
	check(v volume) error
	// end ends it and the writers, and removes the files.
	end()
}

// newLogger starts a contestant and its writers.
func (b *bench) newLogger(who string, w *writers, p policy) (logger, error) {
	if who == byCat {
		return b.newCats(w)
	}
	return b.newDaemonLogger(w, p)
}

// policy is what is said to phorever about a log.
type policy struct {
	log       map[string]any
	decorated bool
	keep      int // how many files are kept that were put aside, 0 where none is
}

var (
	asWritten = policy{log: map[string]any{"rotate": false}}
	decorated = policy{log: map[string]any{"rotate": false, "timestamps": true}, decorated: true}
)

// rotating puts a file aside often in what is written, but not more often than usual.
func rotating(total int64) policy {
	const keep = 3
	size := min(50_000_000, max(total/20, 4<<10))
	return policy{log: map[string]any{"rotate": map[string]any{"size": size, "keep": keep}}, keep: keep}
}

// daemonLogger is phorever and its keeper.
type daemonLogger struct {
	*phorever
	policy
	paths []string
}

func (b *bench) newDaemonLogger(w *writers, p policy) (*daemonLogger, error) {
	d, err := b.daemon(map[string]any{
		"name": "work", "roles": []string{"work"}, "up": w.command(), "clones": w.writers, "stable_after": 0,
		"log": p.log, "stdout_file": "%name%-%clone%.log",
	})
	if err != nil {
		return nil, err
	}
	l := &daemonLogger{phorever: d, policy: p}
	var s status
	if _, err = d.start(); err == nil {
		s, err = d.status()
	}
	for _, process := range s.Processes {
		l.paths = append(l.paths, process.Stdout)
	}
	if err != nil {
		l.end()
	}
	return l, err
}

func (l *daemonLogger) files() []string { return l.paths }

func (l *daemonLogger) used() (time.Duration, error) { return sum(cpu, l.pids) }

func (l *daemonLogger) rest() error { return nil }

func (l *daemonLogger) end() {
	l.phorever.end()
	_ = os.RemoveAll(l.directory)
}

func (l *daemonLogger) check(v volume) error {
	s, err := l.status()
	if err != nil {
		return err
	}
	for _, process := range s.Processes {
		if process.Logged != v.lines() || process.Dropped != 0 {
			return fmt.Errorf("%s: %d lines logged and %d dropped of %d", process.ID, process.Logged, process.Dropped, v.lines())
		}
	}
	for _, path := range l.paths {
		if l.keep > 0 {
			aside, err := filepath.Glob(path + ".[0-9]*")
			if err != nil || len(aside) != l.keep {
				return fmt.Errorf("%s: %d files put aside, want %d", path, len(aside), l.keep)
			}
			continue
		}
		if err := checkFile(path, v, l.decorated); err != nil {
			return err
		}
	}
	return nil
}

// cats are "writer | cat > file", each with a cat of its own.
type cats struct {
	directory string
	cats      []*exec.Cmd
	writers   []*exec.Cmd
	paths     []string
}

func (b *bench) newCats(w *writers) (*cats, error) {
	if err := sweep(); err != nil {
		return nil, err
	}
	directory, err := b.scratch()
	if err != nil {
		return nil, err
	}
	l := &cats{directory: directory}
	for i := range w.writers {
		if err := l.start(b, w.command(), i); err != nil {
			l.end()
			return l, err
		}
	}
	return l, nil
}

func (l *cats) start(b *bench, argv []string, i int) error {
	path := filepath.Join(l.directory, strconv.Itoa(i)+".log")
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	cat := exec.CommandContext(b.ctx, "cat")
	cat.Stdin, cat.Stdout = r, file
	writer := exec.CommandContext(b.ctx, argv[0], argv[1:]...)
	writer.Stdout = w
	for _, command := range []*exec.Cmd{cat, writer} {
		command.Dir, command.Env = l.directory, environment(l.directory)
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the runner, which ends it
		if err := command.Start(); err != nil {
			return err
		}
	}
	l.cats, l.writers, l.paths = append(l.cats, cat), append(l.writers, writer), append(l.paths, path)
	return nil
}

func (l *cats) files() []string { return l.paths }

func (l *cats) used() (total time.Duration, err error) {
	for _, cat := range l.cats {
		var used time.Duration
		if state := cat.ProcessState; state != nil { // one that has ended has no clock
			used = state.UserTime() + state.SystemTime()
		} else if used, err = cpu(cat.Process.Pid); err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
}

func (l *cats) rest() error {
	for _, cat := range l.cats {
		if err := cat.Wait(); err != nil {
			return fmt.Errorf("cat: %w", err)
		}
	}
	return nil
}

func (l *cats) check(v volume) error {
	for _, path := range l.paths {
		if err := checkFile(path, v, false); err != nil {
			return err
		}
	}
	return nil
}

func (l *cats) end() {
	for _, writer := range l.writers {
		_ = writer.Process.Kill()
		_ = writer.Wait()
	}
	for _, cat := range l.cats {
		_ = cat.Wait()
	}
	_ = os.RemoveAll(l.directory)
}

// complete tells whether the last line of a writer is in its file.
func complete(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false // it is being put aside
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() < int64(len(lastLine)) {
		return false
	}
	end := make([]byte, len(lastLine))
	_, err = file.ReadAt(end, info.Size()-int64(len(end)))
	return err == nil && bytes.Equal(end, lastLine)
}

// checkFile looks whether a file holds what one writer has written; a decorated one has as many lines, and more bytes.
func checkFile(path string, v volume, decorated bool) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var size, lines int64
	for buffer := make([]byte, 1<<20); ; {
		n, err := file.Read(buffer)
		size, lines = size+int64(n), lines+int64(bytes.Count(buffer[:n], []byte{'\n'}))
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if lines != v.lines() || decorated == (size == v.bytes) || size < v.bytes {
		return fmt.Errorf("%s has %d bytes in %d lines, of %d bytes in %d lines", path, size, lines, v.bytes, v.lines())
	}
	return nil
}
