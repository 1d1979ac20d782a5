package child

import (
	"fmt"

	"github.com/dcousineau/phorever/actors/internal/osproc"
)

// Cgroup is the control group that a run is to have. Zero limits nothing.
type Cgroup struct {
	MemoryMax int64   // bytes
	CPUMax    float64 // cores
}

// make makes it; nil needs none.
func (c *Cgroup) make(key string, id RunID) (*osproc.Cgroup, error) {
	if c == nil {
		return nil, nil
	}
	group, err := osproc.MakeCgroup(fmt.Sprintf("%s.%s.%d", key, id.Clone, id.Run), c.MemoryMax, c.CPUMax)
	if err != nil {
		return nil, fmt.Errorf("cgroup: %w", err)
	}
	return group, nil
}
