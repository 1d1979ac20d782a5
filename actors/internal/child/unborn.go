package child

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// endUnborn ends what the daemon before us has forked and what has not executed its program yet: that takes long on a slow disk, and for
// ever on a dead mount. Nothing tells which run it is of, so that this is started anew, and the fork would become a second copy, whose
// lines nobody reads. One that has executed its program meanwhile is found by its mark, after this.
func (v *recovery) endUnborn() {
	for _, c := range v.o.Inheritance.Unknown {
		if c.Zombie || !unborn(c.Pid) {
			continue
		}
		process, err := v.adopt(c.Pid, c.Start)
		if err != nil {
			continue
		}
		// From here on the program gets no instruction; it may have had some between the look and this.
		_ = process.Signal(syscall.SIGSTOP)
		if unborn(c.Pid) {
			_ = process.Signal(syscall.SIGKILL)
			v.o.Unsaid(fmt.Sprintf("process %d was being started and had not executed its program: it is ended", c.Pid))
		} else {
			_ = process.Signal(syscall.SIGCONT)
		}
		process.Reaped() // by the keeper
	}
}

// unborn tells whether a child of the keeper is a fork of a daemon, whose memory it has: it shows the daemon's words, which are ours.
func unborn(pid int) bool {
	words := pidfd.Arguments(pid)
	return len(words) > 0 && slices.Equal(lasting(words), lasting(os.Args))
}

// lasting are the words that a keeper says to each of its daemons: the first has somebody who waits for it, in the background.
func lasting(words []string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return strings.HasPrefix(word, "--ready-fd=") })
}
