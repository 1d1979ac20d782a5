package spec

import (
	"os"
	"path"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// usableCPUs asks the kernel each time: runtime.NumCPU tells what was true when the program started, and a daemon
// outlives `docker update` and `systemctl set-property`.
func usableCPUs() int {
	cpus := runtime.NumCPU()
	var set unix.CPUSet
	// 0 would be the thread that happens to run this; `taskset -p` narrows the first one.
	if err := unix.SchedGetaffinity(os.Getpid(), &set); err == nil && set.Count() > 0 {
		cpus = set.Count()
	}
	if text, err := os.ReadFile("/proc/self/cgroup"); err == nil {
		cpus = withinQuota(cpus, "/sys/fs/cgroup", groupOfVersion2(string(text)))
	}
	return cpus
}

// withinQuota lowers the number to the quota of the group and of every group above it: each of them binds.
func withinQuota(cpus int, root, group string) int {
	if group == "" {
		return cpus
	}
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		if text, err := os.ReadFile(filepath.Join(root, group, "cpu.max")); err == nil {
			if quota, limited := parseCPUMax(string(text)); limited {
				cpus = min(cpus, quota)
			}
		}
		if group == "/" {
			return cpus
		}
	}
}
