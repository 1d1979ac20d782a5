package main

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAServiceManagerIsTold: READY when everything is up, RELOADING with the time and READY around a reload, STOPPING; and
// the children know nothing of it.
func TestAServiceManagerIsTold(t *testing.T) {
	directory := t.TempDir()
	defer leaveNoFiles(directory)
	heard := listenAsManager(t, filepath.Join(directory, "n"))
	expect := func(first string, also ...string) {
		t.Helper()
		select {
		case said := <-heard:
			if !strings.HasPrefix(said, first) {
				t.Fatalf("said %q, want %q", said, first)
			}
			for _, part := range also {
				if !strings.Contains(said, part) {
					t.Fatalf("said %q without %q", said, part)
				}
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("never said %q", first)
		}
	}
	config := `{"processes": [{"name": "env", "up": "env; exec sleep 300"}]}`
	if err := os.WriteFile(filepath.Join(directory, "phorever.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("phorever", "start")
	daemon.Dir = directory
	daemon.Env = append(os.Environ(), "PWD="+directory, "HOME="+directory, "XDG_RUNTIME_DIR="+directory, "NOTIFY_SOCKET="+filepath.Join(directory, "n"))
	daemon.Stderr = os.Stderr
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = daemon.Process.Kill() }()
	expect("READY=1")
	if err := daemon.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	expect("RELOADING=1", "MONOTONIC_USEC=")
	expect("READY=1")
	if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expect("STOPPING=1")
	if err := daemon.Wait(); err != nil {
		t.Errorf("the daemon: %v", err)
	}
	log, err := os.Open(filepath.Join(directory, "logs", "env.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "NOTIFY_SOCKET=") {
			t.Errorf("a child has %s", lines.Text())
		}
	}
}

// listenAsManager is a service manager that notes what it is told.
func listenAsManager(t *testing.T, name string) <-chan string {
	t.Helper()
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = manager.Close() })
	heard := make(chan string, 10000)
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := manager.Read(buffer)
			if err != nil {
				return
			}
			heard <- string(buffer[:n])
		}
	}()
	return heard
}

// TestTheWatchdogIsPatted twice in the time that the manager allows, however short; but not in the name of a daemon that hangs, which takes half a
// minute to see and is left to the soak.
func TestTheWatchdogIsPatted(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	heard := listenAsManager(t, filepath.Join(p.dir, "n"))
	p.configure(`{"processes": [{"name": "env", "up": "env; exec sleep 300"}]}`)
	p.env = []string{"NOTIFY_SOCKET=" + filepath.Join(p.dir, "n"), "WATCHDOG_USEC=200000"}
	keeper := p.prepare("start")
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	p.eventually("it runs", func() bool { return p.stateOf("env:1") == "RUNNING" })
	pats := func(during time.Duration) (n int) {
		for end := time.After(during); ; {
			select {
			case text := <-heard:
				if text == "WATCHDOG=1" {
					n++
				}
			case <-end:
				return n
			}
		}
	}
	pats(0)
	if n := pats(2 * time.Second); n < 10 {
		t.Errorf("%d pats in 2s, of which every 200ms needs one", n)
	}
	if os.Getenv("PHOREVER_SOAK") != "" { // it hangs after half a minute
		if err := syscall.Kill(p.pidOf("pid"), syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(45 * time.Second); pats(time.Second) > 0; {
			if time.Now().After(end) {
				t.Fatal("a daemon that hangs is said to be well")
			}
		}
	}
	if err := keeper.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = keeper.Wait() // 0, or whatever becomes of a daemon that is told to stop while it hangs
	log, err := os.ReadFile(filepath.Join(p.dir, "logs", "env.log"))
	if err != nil || !strings.Contains(string(log), "PHOREVER_NAME=") || strings.Contains(string(log), "WATCHDOG_USEC=") {
		t.Errorf("a child has %s (%v)", log, err)
	}
}
