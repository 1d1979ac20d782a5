//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

var (
	path = os.Getenv("PHOREVER_FAILPOINTS")

	mu     sync.Mutex
	passed = map[string]int{}
)

// At is what a point answers. It is safe for concurrent use.
func At(name string) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if point, action, _ := strings.Cut(strings.TrimSpace(line), " "); point == name {
			return act(name, action)
		}
	}
	return nil
}

func act(name, action string) error {
	mu.Lock()
	defer mu.Unlock()
	if action == "kill" {
		if os.Remove(path) == nil { // who removes it is the one who dies
			note(name, action)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
	action, every := strings.CutSuffix(action, " always")
	passed[name]++
	if passed[name]%2 == 0 && !every {
		return nil
	}
	for errno := syscall.Errno(1); errno < 200; errno++ {
		if unix.ErrnoName(errno) == action {
			note(name, action)
			return errno
		}
	}
	return nil
}

func note(name, action string) {
	file, err := os.OpenFile(path+".hits", os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer file.Close()
	_, _ = fmt.Fprintf(file, "%d %s %s\n", os.Getpid(), name, action)
}
