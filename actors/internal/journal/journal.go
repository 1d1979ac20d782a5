package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
)

// Options say where a journal lives.
type Options struct {
	Directories []string // best first: later ones are for when the earlier ones cannot be written
	Name        string   // of the file
	Boot        string   // id of the time since the system was started
}

// Found is what an earlier process has left.
type Found struct {
	Values   map[string][]byte // the latest by key
	Clean    bool              // it was closed in order, and nothing was left
	SameBoot bool              // it was written since the system was started
	Ignored  []string          // sentences about what could not be used
}

// Journal is an open journal. Its methods are safe for concurrent use.
type Journal struct {
	options    Options
	generation uint64 // of the latest snapshot; later ones win

	mu       sync.Mutex
	values   map[string][]byte
	live     int      // bytes in values
	dirty    []string // keys that were changed since they were written, oldest first
	isDirty  map[string]bool
	after    []func()      // to be called when everything up to now is written
	commits  []func(error) // and when it is on the disk
	trouble  error
	wake     chan struct{} // room for one
	retry    *time.Timer
	better   bool // it is time to try the directories before ours again
	closed   bool
	clean    bool
	finished chan struct{}

	// What follows belongs to the writer's goroutine.
	file  *os.File // nil while no directory can be written
	place int      // which of the directories
	size  int      // of the file
	text  []byte   // of the latest records, to be used again
}

const (
	// slack is how much more than twice its live size a file may hold, in bytes.
	slack = 1 << 20
	// mostKept is how many bytes of records are kept to be written over.
	mostKept = 64 << 10
	// again is how soon a better directory is tried again.
	again = 5 * time.Second
)

// Open reads what is there and begins a new generation of it. The error says that no directory can be written: the journal
// then keeps everything in memory, and tries again.
func Open(o Options) (*Journal, Found, error) {
	found, generation := look(o)
	j := &Journal{
		options: o, generation: generation, values: map[string][]byte{}, isDirty: map[string]bool{},
		wake: make(chan struct{}, 1), finished: make(chan struct{}),
	}
	if found.SameBoot {
		for key, value := range found.Values {
			j.values[key] = value
			j.live += len(key) + len(value)
		}
	}
	err := j.settle()
	go j.write()
	return j, found, err
}

// Read reads what is there and leaves it as it is.
func Read(o Options) Found {
	found, _ := look(o)
	return found
}

// look finds the latest generation.
func look(o Options) (found Found, generation uint64) {
	found = Found{Values: map[string][]byte{}, SameBoot: true}
	best := content{}
	for _, directory := range o.Directories {
		path := filepath.Join(directory, o.Name)
		c, err := read(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			found.Ignored = append(found.Ignored, err.Error())
			continue
		}
		if c.damage != "" {
			found.Ignored = append(found.Ignored, path+": "+c.damage)
		}
		if c.head.Generation >= best.head.Generation {
			best = c
		}
	}
	if best.values != nil {
		found.Values, found.Clean, found.SameBoot = best.values, best.clean, best.head.Boot == o.Boot
	}
	return found, best.head.Generation
}

// Put sets the value of a key.
func (j *Journal) Put(key string, value []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	old, ok := j.values[key]
	if ok && bytes.Equal(old, value) || j.closed {
		return
	}
	j.live += len(value) - len(old)
	if !ok {
		j.live += len(key)
	}
	j.values[key] = value
	j.touch(key)
}

// Delete forgets a key.
func (j *Journal) Delete(key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	old, ok := j.values[key]
	if !ok || j.closed {
		return
	}
	j.live -= len(key) + len(old)
	delete(j.values, key)
	j.touch(key)
}

func (j *Journal) touch(key string) {
	if !j.isDirty[key] {
		j.isDirty[key] = true
		j.dirty = append(j.dirty, key)
	}
	j.poke()
}

func (j *Journal) poke() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Written calls done when everything that was put before is in the file, where the death of this process does not reach it;
// or cannot be written at all.
func (j *Journal) Written(done func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		go done()
		return
	}
	j.after = append(j.after, done)
	j.poke()
}

// Commit calls done when everything that was put before is on the disk, where the loss of power does not reach it.
func (j *Journal) Commit(done func(error)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		go done(nil)
		return
	}
	j.commits = append(j.commits, done)
	j.poke()
}

// Trouble is why the best of the directories is not written, nil if it is.
func (j *Journal) Trouble() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.trouble
}

// Flush waits until everything that was put before is written.
func (j *Journal) Flush() {
	written := make(chan struct{})
	j.Written(func() { close(written) })
	<-written
}

// Close ends the journal. A clean one leaves the word that nothing is left, and no values.
func (j *Journal) Close(clean bool) {
	j.mu.Lock()
	if !j.closed {
		j.closed, j.clean = true, clean
		if j.retry != nil {
			j.retry.Stop()
		}
	}
	j.mu.Unlock()
	j.poke()
	<-j.finished
}

// CopyTo writes everything that is known into another directory, under the same name.
func (j *Journal) CopyTo(directory string) error {
	j.mu.Lock()
	text := j.snapshot(j.generation)
	j.mu.Unlock()
	return os.WriteFile(filepath.Join(directory, j.options.Name), text, 0o600)
}

// write is the writer's goroutine.
func (j *Journal) write() {
	defer close(j.finished)
	for range j.wake {
		j.mu.Lock()
		closed, clean, better := j.closed, j.clean, j.better
		j.better = false
		text := j.text[:0]
		for _, key := range j.dirty {
			if value, ok := j.values[key]; ok {
				text = appendRecord(text, put, key, value)
			} else {
				text = appendRecord(text, gone, key, nil)
			}
		}
		after, commits := j.after, j.commits
		j.dirty, j.after, j.commits = nil, nil, nil
		clear(j.isDirty)
		j.mu.Unlock()

		err := j.append(text, better)
		j.text = nil
		if cap(text) <= mostKept {
			j.text = text
		}
		if err == nil && len(commits) > 0 && j.file != nil {
			err = j.file.Sync()
		}
		for _, done := range after {
			done()
		}
		for _, done := range commits {
			done(err)
		}
		if closed {
			j.end(clean)
			return
		}
	}
}

// append writes records behind the others. What cannot be written here is written elsewhere, with everything else.
func (j *Journal) append(text []byte, better bool) error {
	if j.file != nil && !better && len(text) > 0 {
		n, err := 0, failpoint.At("journal.write")
		if err == nil {
			n, err = j.file.Write(text)
		}
		_ = failpoint.At("journal.written")
		j.size += n
		if err == nil {
			j.mu.Lock()
			full := j.size > 2*j.live+slack
			j.mu.Unlock()
			if !full {
				return nil
			}
		} else {
			j.note(err)
			_ = j.file.Truncate(int64(j.size - n)) // a record that was cut off would hide what follows
			j.drop()
		}
	} else if j.file != nil && !better {
		return nil
	}
	return j.settle()
}

func (j *Journal) drop() {
	if j.file != nil {
		_ = j.file.Close()
		j.file = nil
	}
}

func (j *Journal) note(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.trouble = err
}

// settle writes a snapshot into the first directory that takes it, and goes on behind it.
func (j *Journal) settle() error {
	var first error
	for place, directory := range j.options.Directories {
		j.mu.Lock()
		j.generation++
		text := j.snapshot(j.generation)
		j.mu.Unlock()
		file, err := replace(directory, j.options.Name, text)
		if err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		j.drop()
		j.file, j.place, j.size = file, place, len(text)
		break
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.trouble = first
	if first != nil && !j.closed { // something better is to be had, perhaps later
		j.retry = time.AfterFunc(again, func() {
			j.mu.Lock()
			j.better = true
			j.mu.Unlock()
			j.poke()
		})
	}
	if j.file == nil {
		return first
	}
	return nil
}

// end leaves the last word.
func (j *Journal) end(clean bool) {
	if clean {
		for _, directory := range j.options.Directories {
			head := appendHead(nil, j.head(j.generation+1))
			if file, err := replace(directory, j.options.Name, appendRecord(head, over, "", nil)); err == nil {
				_ = file.Close()
				break
			}
		}
	}
	j.drop()
}
