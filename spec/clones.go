package spec

import (
	"math"
	"strconv"
	"strings"
)

// Number is how many copies run. Auto is read from the machine at each call: one for each CPU that this process may
// use, by its affinity and, on Linux, by the quota of its control groups (version 2), rounded up.
func (c Clones) Number() int {
	if c.Auto {
		return max(1, usableCPUs())
	}
	return max(0, c.Count)
}

// String is as it stands in the configuration: "4" or "auto".
func (c Clones) String() string {
	if c.Auto {
		return "auto"
	}
	return strconv.Itoa(c.Count)
}

// parseCPUMax reads a control group's cpu.max, "150000 100000", as whole CPUs, rounded up; "max 100000" is no limit.
func parseCPUMax(text string) (cpus int, limited bool) {
	quota, period, _ := strings.Cut(strings.TrimSpace(text), " ")
	allowed, err := strconv.ParseUint(quota, 10, 62)
	if err != nil {
		return 0, false
	}
	each, err := strconv.ParseUint(period, 10, 62)
	if err != nil || each == 0 {
		return 0, false
	}
	return int(min(max(1, (allowed+each-1)/each), math.MaxInt32)), true
}

// groupOfVersion2 is this process's control group in the text of /proc/self/cgroup; "" when it has none of version 2.
func groupOfVersion2(text string) string {
	for line := range strings.Lines(text) {
		if group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return group
		}
	}
	return ""
}
