package spec

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTheTightestQuotaBinds(t *testing.T) {
	root := t.TempDir()
	for group, text := range map[string]string{"/a": "300000 100000\n", "/a/b": "max 100000\n", "/a/b/c": "500000 100000\n", "/": "700000 100000\n"} {
		if err := os.MkdirAll(filepath.Join(root, group), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, group, "cpu.max"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for group, want := range map[string]int{"/a/b/c": 3, "/a": 3, "/": 7, "/elsewhere": 7, "/../a": 3, "": 16} {
		if got := withinQuota(16, root, group); got != want {
			t.Errorf("16 CPUs in %q are %d, want %d", group, got, want)
		}
	}
	if got := withinQuota(2, root, "/a/b/c"); got != 2 {
		t.Errorf("a quota adds no CPUs: %d", got)
	}
}

// TestAffinityIsReadAgain narrows this program to one CPU, as `taskset -p` does to a daemon.
func TestAffinityIsReadAgain(t *testing.T) {
	self := os.Getpid()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(self, &before); err != nil {
		t.Fatal(err)
	}
	for cpu := range 1024 {
		if before.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	if err := unix.SchedSetaffinity(self, &one); err != nil {
		t.Skip("this machine does not allow it: ", err)
	}
	defer func() {
		if err := unix.SchedSetaffinity(self, &before); err != nil {
			t.Error(err)
		}
	}()
	if got := (Clones{Auto: true}).Number(); got != 1 {
		t.Errorf("one CPU counts as %d", got)
	}
}
