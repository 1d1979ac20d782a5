package pidfd

import (
	"bytes"
	"errors"
	"io/fs"
	"iter"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maySee tells whether the kernel shows us what it hides from strangers.
func maySee(directory string) bool {
	info, err := os.Stat(directory)
	if err != nil {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid() && os.Geteuid() != 0 || mayTrace()
}

// mayTrace is whether we have CAP_SYS_PTRACE.
var mayTrace = sync.OnceValue(func() bool {
	const ptrace = 19
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "CapEff:"); ok {
			set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			return err == nil && set&(1<<ptrace) != 0
		}
	}
	return false
})

// Children are the children of a process. The kernel keeps them by the thread that forked them.
func Children(pid int) []int {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return nil
	}
	var all []int
	for _, thread := range threads {
		directory := tasks + "/" + thread.Name()
		text, err := os.ReadFile(directory + "/children")
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(directory); err == nil {
				return childrenByParent(pid) // a kernel without CONFIG_PROC_CHILDREN
			}
		}
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

func childrenByParent(parent int) []int {
	var all []int
	for pid := range All() {
		if info, ok := ReadInfo(pid); ok && info.Parent == parent {
			all = append(all, pid)
		}
	}
	return all
}

// All are the processes of now, as far as /proc shows them to us.
func All() iter.Seq[int] {
	return func(yield func(int) bool) {
		entries, _ := os.ReadDir("/proc")
		for _, entry := range entries {
			if pid, err := strconv.Atoi(entry.Name()); err == nil && !yield(pid) {
				return
			}
		}
	}
}

// mostEnviron is how much of an environment is read, in bytes: the most that Linux lets a program begin with.
const mostEnviron = 6 << 20

// Environ is one variable of the environment that a process began with. ok is false where there is none, or we may not see
// it.
func Environ(pid int, name string) (value string, ok bool) {
	for pair := range bytes.SplitSeq(environment(pid), []byte{0}) {
		if key, value, found := bytes.Cut(pair, []byte("=")); found && string(key) == name {
			return string(value), true
		}
	}
	return "", false
}

// environment is everything that a process began with. While it becomes another program it would pass for a stranger: the
// kernel shows an address space that is not laid out yet, or hides it from all but root, and a file that was opened before
// shows nothing any more. Who opens the file in that moment is even held until the new address space is there, and finds it
// empty. So where there is nothing to read the bounds in /proc/PID/stat decide whether there is an environment, and what is
// under way is waited for: 200 ms at most, for it may wait for a processor meanwhile.
func environment(pid int) []byte {
	path := "/proc/" + strconv.Itoa(pid)
	without := 0
	for range 200 {
		file, err := os.Open(path + "/environ")
		if err != nil && (!errors.Is(err, fs.ErrPermission) || !sameUser(pid)) {
			return nil
		}
		text, none := environIn(file, pid)
		_ = file.Close()
		if len(text) > 0 {
			return text
		}
		if none {
			without++
		} else {
			without = 0
		}
		if s, err := readStat(pid); err != nil || s.bare() || without == 8 {
			return nil // one that has none any more, never has any, or hides it
		}
		<-time.After(time.Millisecond)
	}
	return nil
}

// environIn is what file, which is nil where it is hidden, shows of the environment of a process. none is whether the process
// looks as if it had none to show; it does for an instant while it becomes another program.
func environIn(file *os.File, pid int) (text []byte, none bool) {
	if file == nil {
		arguments, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		return nil, len(arguments) > 0
	}
	if text = readAtOnce(file); len(text) > 0 {
		return text, false
	}
	s, err := readStat(pid)
	if err != nil || !s.laidOut() {
		return nil, false
	}
	text = readAtOnce(file) // it is laid out by now, and file is of the same one but if that has ended meanwhile
	return text, s[fieldEnvEnd] == s[fieldEnvStart]
}

// readAtOnce reads all of a file with a single call. The kernel shows one moment to one call: in the midst of several, the end
// of an address space would look like the end of the file.
func readAtOnce(file *os.File) []byte {
	for size := 16 << 10; ; size *= 4 {
		text := make([]byte, size)
		n, _ := unix.Pread(int(file.Fd()), text, 0)
		if n < size || size >= mostEnviron {
			return text[:max(n, 0)]
		}
	}
}

// sameUser is whether a process runs as we do.
func sameUser(pid int) bool {
	uid, ok := Owner(pid)
	return ok && int(uid) == os.Geteuid()
}

// BootID names the time from the start of the system to its end.
func BootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
