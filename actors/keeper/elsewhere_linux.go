package keeper

import (
	"os"
	"slices"
	"syscall"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// Elsewhere is a keeper of another user that lives and keeps a configuration, which is known by its path: 0 where there is none, or none that
// may be seen. Believed is only one of root, and of the user who owns the configuration: anybody may give a program such arguments.
// Keepers of our own user are known by their lock.
func Elsewhere(config string) (pid int, user uint32) {
	owner := uint32(0)
	if info, err := os.Stat(config); err == nil {
		owner = info.Sys().(*syscall.Stat_t).Uid
	}
	for pid := range pidfd.All() {
		if argv := pidfd.Arguments(pid); len(argv) < 2 || argv[1] != Word || !slices.Contains(argv, "--config="+config) {
			continue
		}
		if user, ok := pidfd.Owner(pid); ok && user != uint32(os.Geteuid()) && (user == 0 || user == owner) {
			return pid, user
		}
	}
	return 0, 0
}
