package osproc

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// maskInherited tells whether we were started with blocked signals: the runtime hands that mask on to every child that is
// not forked from a thread with an empty one.
var maskInherited = sync.OnceValue(func() bool { return signalSet("SigBlk") != 0 })

// HandleIgnored gives a handler that does nothing to every signal that we were started with as ignored (nohup, a shell's
// background job). An ignored signal stays ignored over exec, a handled one becomes default: so children start clean.
func HandleIgnored() {
	ignored := signalSet("SigIgn")
	sink := make(chan os.Signal, 1)
	for n := syscall.Signal(1); n <= 64; n++ {
		if ignored&(1<<(n-1)) != 0 {
			signal.Notify(sink, n)
		}
	}
}

// signalSet reads one set of signals of this thread; 0 where /proc does not tell.
func signalSet(name string) uint64 {
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			set, _ := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			return set
		}
	}
	return 0
}
