package daemon

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/dcousineau/phorever/cmd/internal/control"
)

// shelter is the directory for what must outlive this process and is of no use after the next boot: where there is one on a
// tmpfs, so that neither a full disk nor a slow one concerns it. What an earlier daemon has left is where that has put it.
func (d *Daemon) shelter() (string, error) {
	if d.sheltered != "" {
		return d.sheltered, nil
	}
	name := d.place.Key + ".d"
	places := []string{d.place.Directory}
	if shared := ourSharedMemory(); !inMemory(d.place.Directory) && inMemory(sharedMemory) && control.OwnDirectory(shared) == nil {
		places = []string{shared, d.place.Directory}
	}
	for i, place := range places {
		if entries, err := os.ReadDir(filepath.Join(place, name)); err == nil && len(entries) > 0 {
			places = places[i : i+1]
			break
		}
	}
	var err error
	for _, place := range places {
		directory := filepath.Join(place, name)
		if err = control.OwnDirectory(directory); err == nil {
			d.sheltered = directory
			return directory, nil
		}
	}
	return "", err
}

// leaveShelter removes it when everything has ended in order.
func (d *Daemon) leaveShelter() {
	if d.sheltered != "" {
		_ = os.RemoveAll(d.sheltered)
		_ = os.Remove(ourSharedMemory()) // unless another daemon needs it
	}
}

// sharedMemory is a tmpfs that everybody may write to, on nearly every Linux.
const sharedMemory = "/dev/shm"

func ourSharedMemory() string {
	return filepath.Join(sharedMemory, "phorever-"+strconv.Itoa(os.Getuid()))
}
