package daemon

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// manager is whoever started us and wants to know how we are (sd_notify). Where nobody asked, nothing is sent. A manager
// that cannot be reached is none: supervision does not depend on it.
type manager struct {
	mu     sync.Mutex
	isUp   bool
	ending atomic.Bool
}

func (m *manager) ready() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ending.Load() {
		m.isUp = true
		_, _ = daemon.SdNotify(false, daemon.SdNotifyReady+"\nMAINPID="+strconv.Itoa(os.Getpid()))
	}
}

// reloading says that a reload has begun; ready follows it. Before the first ready it would mean nothing.
func (m *manager) reloading() {
	m.mu.Lock()
	defer m.mu.Unlock()
	var now unix.Timespec
	if m.isUp && !m.ending.Load() && unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) == nil {
		_, _ = daemon.SdNotify(false, daemon.SdNotifyReloading+"\nMONOTONIC_USEC="+strconv.FormatInt(now.Nano()/1000, 10))
	}
}

func (m *manager) stopping() {
	m.ending.Store(true)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
}
