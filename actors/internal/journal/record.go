package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"syscall"
	"time"
)

// magic is what a file begins with, whatever its version.
const magic = "phorever state\n"

// version is that of the records, and of what the values mean.
const version = 1

// mostBytes is how large a file may be that is read.
const mostBytes = 256 << 20

// kind of a record.
type kind byte

const (
	first kind = 'H' // the head
	put   kind = 'P'
	gone  kind = 'D'
	over  kind = 'C' // closed in order
)

// head is the first record.
type head struct {
	Version    int       `json:"version"`
	Boot       string    `json:"boot"`
	Generation uint64    `json:"generation"`
	At         time.Time `json:"at"`
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// prefix is the length of the payload and its checksum.
const prefix = 8

// appendRecord writes a record: its length, its checksum, its kind, its key and its value.
func appendRecord(to []byte, k kind, key string, value []byte) []byte {
	begin := len(to)
	to = append(to, make([]byte, prefix)...)
	to = append(to, byte(k))
	to = binary.AppendUvarint(to, uint64(len(key)))
	to = append(append(to, key...), value...)
	payload := to[begin+prefix:]
	binary.LittleEndian.PutUint32(to[begin:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(to[begin+4:], crc32.Checksum(payload, castagnoli))
	return to
}

// record is one that was read.
type record struct {
	kind  kind
	key   string
	value []byte
}

// next takes the first record. ok is false where there is no whole one.
func next(text []byte) (r record, rest []byte, ok bool) {
	if len(text) < prefix {
		return r, text, false
	}
	length := uint64(binary.LittleEndian.Uint32(text))
	if length == 0 || length > uint64(len(text)-prefix) {
		return r, text, false
	}
	payload := text[prefix : prefix+length]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(text[4:]) {
		return r, text, false
	}
	keyLength, size := binary.Uvarint(payload[1:])
	if size <= 0 || keyLength > uint64(len(payload)-1-size) {
		return r, text, false
	}
	at := 1 + size
	r = record{kind(payload[0]), string(payload[at : at+int(keyLength)]), bytes.Clone(payload[at+int(keyLength):])}
	return r, text[prefix+length:], true
}

// content is what a file says.
type content struct {
	head   head
	values map[string][]byte
	clean  bool
	damage string
}

// parse reads a file as far as it is whole.
func parse(text []byte) (content, error) {
	rest, ok := bytes.CutPrefix(text, []byte(magic))
	if !ok {
		return content{}, fmt.Errorf("is no saved state, or damaged from its beginning")
	}
	r, rest, ok := next(rest)
	c := content{values: map[string][]byte{}}
	if !ok || r.kind != first || json.Unmarshal(r.value, &c.head) != nil {
		return content{}, fmt.Errorf("is damaged at its beginning")
	}
	if c.head.Version > version {
		return c, &versionError{c.head.Version}
	}
	for len(rest) > 0 {
		r, after, ok := next(rest)
		if !ok {
			c.damage = fmt.Sprintf("the last %d bytes are cut off or damaged; what was written before them is used", len(rest))
			break
		}
		switch r.kind {
		case put:
			c.values[r.key] = r.value
		case gone:
			delete(c.values, r.key)
		case over:
			c.clean = true
		}
		rest = after
	}
	return c, nil
}

type versionError struct{ version int }

func (e *versionError) Error() string {
	return fmt.Sprintf("is of version %d, which this binary does not know", e.version)
}

// read reads a file of ours. Whatever is wrong with it is an error that names it; one of a later version is put aside, for the
// binary that knows it.
func read(path string) (content, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return content{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return content{}, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return content{}, fmt.Errorf("%s: is not a regular file; it is not read", path)
	case !ok || int(owner.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0:
		return content{}, fmt.Errorf("%s: belongs to another user, or others may write it; it is not read", path)
	case info.Size() > mostBytes:
		return content{}, fmt.Errorf("%s: has %d bytes; it is not read", path, info.Size())
	}
	text, err := io.ReadAll(io.LimitReader(file, mostBytes))
	if err != nil {
		return content{}, err
	}
	c, err := parse(text)
	if later := (*versionError)(nil); errors.As(err, &later) {
		aside := fmt.Sprintf("%s.v%d", path, later.version)
		if os.Rename(path, aside) == nil {
			return content{}, fmt.Errorf("%s: %w; it was put aside as %s", path, err, aside)
		}
	}
	if err != nil {
		return content{}, fmt.Errorf("%s: %w; it is not used", path, err)
	}
	return c, nil
}
