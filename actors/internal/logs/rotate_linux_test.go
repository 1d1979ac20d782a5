package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is kept no longer leaves the disk too, although somebody else gives its blocks back: no descriptor of ours holds it.
func TestWhatIsRemovedLeavesTheDisk(t *testing.T) {
	path, p := logPath(t), newPump(t)
	s, w := attach(t, p, open(t, p, FileOptions{Path: path, Rotate: Rotation{Size: 10, Keep: 1}}), nil)
	for range 20 {
		write(t, w, "123456789\n")
		finish(t, s)
	}
	eventually(t, "no removed file is held", func() bool { return len(removedAndHeld(t, filepath.Dir(path))) == 0 })
	names, _ := filepath.Glob(path + "*")
	want(t, "files", fmt.Sprint([]string{path, path + ".1"}), fmt.Sprint(names))
}

// removedAndHeld is which files of a directory have no name any more, and are open here.
func removedAndHeld(t *testing.T, directory string) (names []string) {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if name, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasPrefix(name, directory) && strings.HasSuffix(name, " (deleted)") {
			names = append(names, name)
		}
	}
	return names
}
