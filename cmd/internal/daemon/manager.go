package daemon

import (
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/dcousineau/phorever/actors/keeper"
	"golang.org/x/sys/unix"
)

// manager is whoever started us and wants to know how we are (sd_notify). Where nobody asked, nothing is sent. A manager
// that cannot be reached is none: supervision does not depend on it.
type manager struct {
	link   *keeper.Link // of whom alone the manager hears, nil without a keeper
	mu     sync.Mutex
	isUp   bool
	ending atomic.Bool
}

func (m *manager) ready() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ending.Load() {
		m.isUp = true
		m.tell(daemon.SdNotifyReady)
	}
}

// reloading says that a reload has begun; ready follows it. Before the first ready it would mean nothing.
func (m *manager) reloading() {
	m.mu.Lock()
	defer m.mu.Unlock()
	var now unix.Timespec
	if m.isUp && !m.ending.Load() && unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) == nil {
		m.tell(daemon.SdNotifyReloading + "\nMONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10))
	}
}

func (m *manager) stopping() {
	m.ending.Store(true)
	m.tell(daemon.SdNotifyStopping)
}

func (m *manager) tell(text string) {
	if m.link != nil {
		m.link.Notify(text)
		return
	}
	_, _ = daemon.SdNotify(false, text)
}
