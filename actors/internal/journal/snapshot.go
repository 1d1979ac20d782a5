package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func (j *Journal) head(generation uint64) head {
	return head{Version: version, Boot: j.options.Boot, Generation: generation, At: time.Now().UTC()}
}

// snapshot is a whole file. The caller holds mu.
func (j *Journal) snapshot(generation uint64) []byte {
	text := appendHead(make([]byte, 0, j.live+j.live/4+256), j.head(generation))
	for key, value := range j.values {
		text = appendRecord(text, put, key, value)
	}
	return text
}

// replace puts a file in the place of another, so that at every moment one of them is whole, and keeps it open.
func replace(directory, name string, text []byte) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(directory), 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(directory, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	fresh := filepath.Join(directory, name+".new")
	_ = os.Remove(fresh)
	file, err := os.OpenFile(fresh, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err = file.Write(text); err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(fresh, filepath.Join(directory, name))
	}
	if err != nil {
		_ = file.Close()
		_ = os.Remove(fresh)
		return nil, err
	}
	if d, err := os.Open(directory); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
	return file, nil
}

func appendHead(to []byte, h head) []byte {
	text, err := json.Marshal(h)
	if err != nil {
		text = fmt.Appendf(nil, `{"version": %d}`, version)
	}
	return appendRecord(append(to, magic...), first, "", text)
}
