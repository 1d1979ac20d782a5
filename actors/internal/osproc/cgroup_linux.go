package osproc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Cgroup is a control group of version 2 that one run lives in.
type Cgroup struct{ Path string }

// hierarchy is where version 2 is mounted, beside or in place of version 1.
func hierarchy() (string, error) {
	for _, place := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var st unix.Statfs_t
		if unix.Statfs(place, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC {
			return place, nil
		}
	}
	return "", errors.New("there is no hierarchy of version 2")
}

// cgroupOf is the directory of the group that a process is in: its number, or self.
func cgroupOf(pid string) (string, error) {
	root, err := hierarchy()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return filepath.Join(root, path), nil
		}
	}
	return "", errors.New("it is in no group of version 2")
}

// daemonLeaf is the group that we move to where the kernel wants groups without processes above those with limits.
const daemonLeaf = "phorever.daemon"

// parentCgroup is the group under which the groups of runs are made: the one that we began in.
func parentCgroup() (string, error) {
	own, err := cgroupOf("self")
	if err != nil {
		return "", err
	}
	if filepath.Base(own) == daemonLeaf {
		own = filepath.Dir(own)
	}
	return own, nil
}

// MakeCgroup makes the group of a run. Zero limits nothing. A limit that cannot be had is refused.
func MakeCgroup(name string, memoryMax int64, cpuMax float64) (*Cgroup, error) {
	parent, err := parentCgroup()
	if err != nil {
		return nil, err
	}
	var wanted []string
	if memoryMax > 0 {
		wanted = append(wanted, "memory")
	}
	if cpuMax > 0 {
		wanted = append(wanted, "cpu")
	}
	for _, controller := range wanted {
		if err := enable(parent, controller); err != nil {
			return nil, err
		}
	}
	c := &Cgroup{filepath.Join(parent, "phorever."+strings.ReplaceAll(name, "/", "_"))}
	if err := os.Mkdir(c.Path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, unwrappedAt(parent, err)
	}
	if memoryMax > 0 {
		err = c.write("memory.max", strconv.FormatInt(memoryMax, 10))
	}
	if cpuMax > 0 && err == nil {
		const period = 100_000 // microseconds
		err = c.write("cpu.max", fmt.Sprintf("%d %d", int64(cpuMax*period), period))
	}
	if err != nil {
		_ = c.Remove()
		return nil, err
	}
	return c, nil
}

func unwrappedAt(where string, err error) error { return fmt.Errorf("%s: %w", where, unwrapped(err)) }

// enable lets the groups below parent be limited by a controller.
func enable(parent, controller string) error {
	available, err := os.ReadFile(filepath.Join(parent, "cgroup.controllers"))
	if err != nil {
		return unwrappedAt(parent, err)
	}
	if !contains(string(available), controller) {
		return fmt.Errorf("the %s controller is not available in %s: it belongs to version 1, or is not delegated", controller, parent)
	}
	err = makeRoom(parent)
	control := filepath.Join(parent, "cgroup.subtree_control")
	if enabled, _ := os.ReadFile(control); err == nil && !contains(string(enabled), controller) {
		err = os.WriteFile(control, []byte("+"+controller), 0)
	}
	if err != nil {
		return fmt.Errorf("the %s controller cannot be used in %s: %w", controller, parent, unwrapped(err))
	}
	return nil
}

// makeRoom has what is ours leave a group that is to have limited ones below it. While processes are in it, the kernel refuses the
// memory controller; it takes cpu, and lets no process into the groups below.
func makeRoom(parent string) error {
	if _, err := os.Stat(filepath.Join(parent, "cgroup.type")); errors.Is(err, os.ErrNotExist) {
		return nil // the root alone may have both
	}
	for range 50 {
		ours, others, err := leaveForLeaf(parent)
		switch {
		case err != nil:
			return err
		case !ours && others:
			return errors.New("processes that are not ours are in it")
		case !ours:
			return nil
		}
		<-time.After(10 * time.Millisecond) // a start takes as long until it is in its group
	}
	return unix.EBUSY
}

func contains(words, word string) bool {
	for field := range strings.FieldsSeq(words) {
		if field == word {
			return true
		}
	}
	return false
}

// leaveForLeaf moves what is ours from a group to a leaf below it: this process, the keeper, and what came from them and has no group
// of its own. It says whose processes it found.
func leaveForLeaf(parent string) (ours, others bool, err error) {
	text, err := os.ReadFile(filepath.Join(parent, "cgroup.procs"))
	if err != nil || len(text) == 0 {
		return false, false, err
	}
	leaf := filepath.Join(parent, daemonLeaf)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return false, false, err
	}
	self, keeper := os.Getpid(), os.Getppid()
	if !sameProgram(keeper) {
		keeper = self
	}
	for field := range strings.FieldsSeq(string(text)) {
		pid, err := strconv.Atoi(field)
		if err != nil || !comesFrom(pid, self, keeper) {
			others = true
			continue
		}
		ours = true
		// One that has not executed its program yet may be on its way into its own group, where it has to stay.
		if pid != self && pid != keeper && (sameProgram(pid) || !isIn(pid, parent)) {
			continue
		}
		if err := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(field), 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return ours, others, err
		}
	}
	return ours, others, nil
}

// comesFrom tells whether a process is one of two, or descends from them.
func comesFrom(pid, one, other int) bool {
	for range 1000 { // what is read may change meanwhile, and go round in a circle
		if pid == one || pid == other {
			return true
		}
		info, ok := ReadInfo(pid)
		if !ok || info.Parent == 0 {
			return false
		}
		pid = info.Parent
	}
	return false
}

// sameProgram tells whether a process executes the program that we do.
func sameProgram(pid int) bool {
	ours, err := os.Stat("/proc/self/exe")
	if err != nil {
		return false
	}
	its, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && os.SameFile(ours, its)
}

func isIn(pid int, group string) bool {
	own, err := cgroupOf(strconv.Itoa(pid))
	return err == nil && own == group
}

// OpenCgroup is a group that was made before, nil if it is gone.
func OpenCgroup(path string) *Cgroup {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return nil
	}
	return &Cgroup{path}
}

func (c *Cgroup) write(file, text string) error {
	if err := os.WriteFile(filepath.Join(c.Path, file), []byte(text), 0); err != nil {
		return fmt.Errorf("%s: %w", file, unwrapped(err))
	}
	return nil
}

// Empty tells whether nothing in the group lives. Zombies do not.
func (c *Cgroup) Empty() bool {
	return c.value("cgroup.events", "populated") != 1 || len(c.living()) == 0
}

func (c *Cgroup) living() []int {
	text, _ := os.ReadFile(filepath.Join(c.Path, "cgroup.procs"))
	var all []int
	for field := range strings.FieldsSeq(string(text)) {
		pid, err := strconv.Atoi(field)
		if info, ok := ReadInfo(pid); err == nil && ok && info.State != 'Z' {
			all = append(all, pid)
		}
	}
	return all
}

// Kill ends everything in the group at once, also what it forks meanwhile.
func (c *Cgroup) Kill() error { return c.write("cgroup.kill", "1") } // Linux 5.14; elsewhere the sweep does it

// OOMKills is how many of the group the kernel has killed for want of memory.
func (c *Cgroup) OOMKills() int { return c.value("memory.events", "oom_kill") }

func (c *Cgroup) value(file, key string) int {
	text, _ := os.ReadFile(filepath.Join(c.Path, file))
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == key {
			n, _ := strconv.Atoi(value)
			return n
		}
	}
	return 0
}

// Remove removes an empty group. One that still holds a zombie is removed when the next daemon looks, or at the next boot.
func (c *Cgroup) Remove() error { return os.Remove(c.Path) }
