package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// byteCount is a number of bytes, as an option: 1GiB.
type byteCount int64

// smallestSize lets each of the writers write.
const smallestSize = 1 << 20

var sizeUnits = []struct {
	name   string
	factor int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

func (s *byteCount) String() string {
	for _, unit := range sizeUnits {
		if int64(*s)%unit.factor == 0 {
			return strconv.FormatInt(int64(*s)/unit.factor, 10) + unit.name
		}
	}
	return ""
}

func (s *byteCount) Set(text string) error {
	for _, unit := range sizeUnits {
		number, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n > math.MaxInt64/unit.factor || n*unit.factor < smallestSize {
			break
		}
		*s = byteCount(n * unit.factor)
		return nil
	}
	return fmt.Errorf(`it is at least 1MiB, as "64MiB" or "1GiB"`)
}

// fitDisk makes what is written to logs smaller where the disk has no room for three times as much.
func (b *bench) fitDisk() error {
	if !b.wantedLogs() {
		return nil
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(b.directory, &disk); err != nil {
		return fmt.Errorf("%s: %w", b.directory, err)
	}
	room := byteCount(disk.Bavail) * byteCount(disk.Bsize)
	if b.logSize <= room/3 {
		return nil
	}
	wanted := b.logSize
	if b.logSize = room / 3 / smallestSize * smallestSize; b.logSize == 0 {
		return fmt.Errorf("%s: the disk is full", b.directory)
	}
	fmt.Fprintf(b.progress, "bench: %s has no room for three times %s: logs are measured with %s\n", b.directory, &wanted, &b.logSize)
	return nil
}
