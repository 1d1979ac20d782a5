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
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(directory, "n"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	heard := make(chan string, 100)
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
