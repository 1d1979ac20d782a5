package spec

import (
	"strconv"
	"strings"
)

// MachineName is the name of a process in commands, files and JSON: lower-cased, each run of anything but a-z0-9_.- one "_".
func MachineName(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '.' || r == '-' {
			if gap {
				b.WriteByte('_')
			}
			gap = false
			b.WriteRune(r)
			continue
		}
		gap = true
	}
	if gap {
		b.WriteByte('_')
	}
	return b.String()
}

// CloneID names one clone: "short_lived:1". Clones count from 1.
type CloneID string

// Clone is the id of clone n of the process.
func (p Process) Clone(n int) CloneID { return CloneID(p.ID + ":" + strconv.Itoa(n)) }

// Split is the machine name of the process and the number of the clone; 0 when the id has none.
func (id CloneID) Split() (process string, clone int) {
	name, number, _ := strings.Cut(string(id), ":")
	n, _ := strconv.Atoi(number)
	return name, n
}
