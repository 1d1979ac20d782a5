package outbox

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// write brings the file to what memory holds. A file that turns out to be damaged costs nothing, but somebody should know.
func (o *Outbox) write() error {
	err := o.writeOnce()
	o.trouble = err
	if damage := (*damageError)(nil); errors.As(err, &damage) {
		if o.file != nil {
			o.file.abandon()
			o.file = nil
		}
		told, again := o.putAside(damage)
		if again == nil {
			again = o.writeOnce()
		}
		if o.trouble = again; again == nil {
			again = fmt.Errorf("%s; a new file has all that waits", told)
		}
		err = again
	}
	o.later()
	return err
}

func (o *Outbox) writeOnce() error {
	if o.file == nil {
		file, err := createOutboxFile(o.path)
		if err != nil {
			return err
		}
		o.file, o.changed = file, true
		for _, s := range o.shelves {
			s.anew = true
		}
	}
	var dirty []string
	for _, name := range slices.Sorted(maps.Keys(o.shelves)) {
		if !o.shelves[name].clean() {
			dirty = append(dirty, name)
		}
	}
	if len(dirty) == 0 {
		return nil
	}
	err := o.file.update(func(tx *bbolt.Tx) error {
		sinks := tx.Bucket(sinksBucket)
		for _, name := range dirty {
			if err := o.shelves[name].save(sinks, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("outbox %s: %w", o.path, err)
	}
	o.changed = true
	for _, name := range dirty {
		s := o.shelves[name]
		clear(s.unsaved)
		clear(s.unsavedI)
		if s.anew = false; s.gone {
			delete(o.shelves, name)
		}
	}
	return nil
}

// putAside gives a damaged file another name and tells that.
func (o *Outbox) putAside(damage *damageError) (told string, err error) {
	aside := o.path + damagedSuffix
	if err := os.Rename(o.path, aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("outbox %s: is damaged (%w) and cannot be moved aside: %w", o.path, damage, err)
	}
	return fmt.Sprintf("%s is damaged (%s) and was moved to %s", o.path, damage.what, aside), nil
}

// later makes sure that what has changed reaches the disk.
func (o *Outbox) later() {
	if o.timer != nil || o.closed || !o.changed && o.trouble == nil {
		return
	}
	o.timers.Add(1)
	o.timer = time.AfterFunc(o.pause, o.settleDown)
}

// settleDown runs beside everything else, because a disk may take its time.
func (o *Outbox) settleDown() {
	defer o.timers.Done()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed && o.trouble != nil {
		_ = o.write() // whoever changed it knows; o.timer is not nil, so this makes no second one
	}
	if file := o.file; file != nil && o.changed {
		o.changed = false
		o.mu.Unlock()
		err := file.sync()
		o.mu.Lock()
		if err != nil && o.file == file {
			o.changed = true
			o.trouble = fmt.Errorf("outbox %s: %w", o.path, err)
		}
	}
	o.timer = nil
	o.later()
}
