package outbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// The file:
//
//	layout     version -> "1"
//	sinks      name of a sink ->
//	  queue      sequence number, 8 bytes, big-endian -> stored
//	  incidents  key -> state
const (
	layoutVersion = "1"
	filePageSize  = 4096 // on every machine, so that a file can be checked on any
	lockPatience  = time.Second
	lockPause     = 20 * time.Millisecond
)

var (
	layoutBucket    = []byte("layout")
	versionKey      = []byte("version")
	sinksBucket     = []byte("sinks")
	queueBucket     = []byte("queue")
	incidentsBucket = []byte("incidents")
)

// damageError is a file that is no outbox, or not any more.
type damageError struct{ what string }

func (e *damageError) Error() string { return e.what }

// stored is an entry with what tells that it is in its place, and with what the JSON of events leaves out.
type stored struct {
	Sink string `json:"sink"`
	Entry
	Exit *storedExit `json:"exit,omitempty"`
}

type storedExit struct {
	Failure bool          `json:"failure,omitempty"`
	Uptime  time.Duration `json:"uptime,omitempty"`
	Detail  string        `json:"detail,omitempty"`
}

func encodeEntry(sink string, e Entry) ([]byte, error) {
	s := stored{Sink: sink, Entry: e}
	if exit := e.Message.Event.Exit; exit != nil {
		s.Exit = &storedExit{Failure: exit.Failure, Uptime: exit.Uptime, Detail: exit.Detail}
	}
	return json.Marshal(s)
}

func decodeEntry(sink string, key, value []byte) (Entry, error) {
	var s stored
	if err := json.Unmarshal(value, &s); err != nil {
		return Entry{}, err
	}
	if s.Sink != sink || s.Seq == 0 || len(key) != 8 || binary.BigEndian.Uint64(key) != s.Seq {
		return Entry{}, errors.New("it belongs elsewhere")
	}
	if exit := s.Message.Event.Exit; exit != nil && s.Exit != nil {
		exit.Failure, exit.Uptime, exit.Detail = s.Exit.Failure, s.Exit.Uptime, s.Exit.Detail
	}
	return s.Entry, nil
}

// outboxFile is a bbolt file that is locked and was whole when it was opened.
type outboxFile struct {
	db    *bbolt.DB
	file  *os.File // of the db
	stale bool     // it may lack the last change
}

// openOutboxFile opens a file that is there; none when there is none. The error of one that cannot be used is a damageError.
func openOutboxFile(path string) (*outboxFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := useFile(file, false)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return f, nil
}

// createOutboxFile makes a new file. It gets its name when it is whole: an end in between leaves nothing that looks damaged.
func createOutboxFile(path string) (*outboxFile, error) {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	f, err := useFile(file, true)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	err = f.update(func(tx *bbolt.Tx) error {
		layout, err := tx.CreateBucket(layoutBucket)
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucket(sinksBucket); err != nil {
			return err
		}
		return layout.Put(versionKey, []byte(layoutVersion))
	})
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		f.abandon()
		return nil, fmt.Errorf("outbox %s: %w", path, err)
	}
	return f, nil
}

// useFile locks a file, checks it unless it is fresh, and gives it to bbolt.
func useFile(file *os.File, fresh bool) (*outboxFile, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("outbox %s: is not a regular file", file.Name())
	}
	if err := lockFile(file); err != nil {
		return nil, fmt.Errorf("outbox %s: %w", file.Name(), err)
	}
	if info.Mode().Perm() != 0o600 {
		if err := file.Chmod(0o600); err != nil {
			return nil, err
		}
	}
	f := &outboxFile{file: file}
	if !fresh {
		if f.stale, err = checkFile(file); err != nil {
			return nil, err
		}
	}
	err = guard(func() (err error) {
		f.db, err = bbolt.Open(file.Name(), 0o600, &bbolt.Options{
			// A lock belongs to the open file, so bbolt has ours.
			OpenFile: func(string, int, os.FileMode) (*os.File, error) { return file, nil },
			Timeout:  lockPatience, PageSize: filePageSize, NoSync: true, NoStatistics: true,
		})
		return err
	})
	for _, bad := range []error{bbolterrors.ErrInvalid, bbolterrors.ErrVersionMismatch, bbolterrors.ErrChecksum} {
		if errors.Is(err, bad) {
			err = &damageError{err.Error()}
		}
	}
	return f, err
}

// lockFile waits for a lock that the end of a process gives up.
func lockFile(file *os.File) error {
	for end := time.Now().Add(lockPatience); ; {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("lock: %w", err)
		case time.Now().After(end):
			return errors.New("another process has it open")
		}
		<-time.After(lockPause)
	}
}

// guard makes an error of what a damaged file does to bbolt, which trusts it: it panics, and a page that is not there any more
// is a fault in the memory to which it is mapped.
func guard(work func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // a fault
			err = &damageError{"a page cannot be read"}
		default:
			err = &damageError{fmt.Sprint(r)}
		}
	}()
	return work()
}

func (f *outboxFile) update(work func(*bbolt.Tx) error) error {
	err := guard(func() error { return f.db.Update(work) })
	if errors.Is(err, bbolterrors.ErrInvalidMapping) { // and it will stay so
		return &damageError{err.Error()}
	}
	return err
}

// sync may run beside anything else, close included.
func (f *outboxFile) sync() error {
	if err := f.file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

func (f *outboxFile) close() error { return guard(f.db.Close) }

// abandon gives up a file after a panic: bbolt may hold its own locks for ever, so nothing of it is called any more. Its
// mapping stays.
func (f *outboxFile) abandon() { _ = f.file.Close() }

// load reads everything. What cannot be decoded is counted, and the sink is written anew.
func (f *outboxFile) load() (shelves map[string]*shelf, dropped int, err error) {
	shelves = map[string]*shelf{}
	err = guard(func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			layout, sinks := tx.Bucket(layoutBucket), tx.Bucket(sinksBucket)
			if layout == nil || sinks == nil {
				return &damageError{"it is not an outbox"}
			}
			if version := layout.Get(versionKey); string(version) != layoutVersion {
				return &damageError{fmt.Sprintf("its layout has the version %.20q", version)}
			}
			return sinks.ForEach(func(name, _ []byte) error {
				s, lost, err := loadShelf(string(name), sinks.Bucket(name))
				shelves[string(name)] = s
				dropped += lost
				return err
			})
		})
	})
	return shelves, dropped, err
}

func loadShelf(name string, sink *bbolt.Bucket) (s *shelf, dropped int, err error) {
	s = newShelf()
	err = errors.Join(
		eachIn(sink, queueBucket, func(key, value []byte) {
			if e, err := decodeEntry(name, key, value); err == nil {
				s.entries = append(s.entries, e)
			} else {
				dropped++
			}
		}),
		eachIn(sink, incidentsBucket, func(key, value []byte) { s.incidents[string(key)] = append([]byte{}, value...) }),
	)
	s.anew = dropped > 0
	return s, dropped, err
}

// eachIn walks a bucket of a sink.
func eachIn(sink *bbolt.Bucket, name []byte, visit func(key, value []byte)) error {
	misplaced := &damageError{"a bucket is missing, or a value in its place"}
	if sink == nil || sink.Bucket(name) == nil {
		return misplaced
	}
	return sink.Bucket(name).ForEach(func(key, value []byte) error {
		if value == nil {
			return misplaced
		}
		visit(key, value)
		return nil
	})
}

// save writes what is not in the file yet.
func (s *shelf) save(sinks *bbolt.Bucket, name string) error {
	if s.anew {
		if err := sinks.DeleteBucket([]byte(name)); err != nil && !errors.Is(err, bbolterrors.ErrBucketNotFound) {
			return err
		}
		for _, e := range s.entries {
			s.unsaved[e.Seq] = true
		}
		for key := range s.incidents {
			s.unsavedI[key] = true
		}
	}
	if s.gone {
		return nil
	}
	sink, err := sinks.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return err
	}
	queue, err := sink.CreateBucketIfNotExists(queueBucket)
	if err != nil {
		return err
	}
	for seq := range s.unsaved {
		if err := s.saveEntry(queue, name, seq); err != nil {
			return err
		}
	}
	incidents, err := sink.CreateBucketIfNotExists(incidentsBucket)
	if err != nil {
		return err
	}
	for key := range s.unsavedI {
		state, there := s.incidents[key]
		if !there {
			err = incidents.Delete([]byte(key))
		} else {
			err = incidents.Put([]byte(key), state)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) saveEntry(queue *bbolt.Bucket, sink string, seq uint64) error {
	key := binary.BigEndian.AppendUint64(nil, seq)
	i, there := s.find(seq)
	if !there {
		return queue.Delete(key)
	}
	value, err := encodeEntry(sink, s.entries[i])
	if err != nil {
		return err
	}
	return queue.Put(key, value)
}
