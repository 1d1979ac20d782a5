package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A thousand clients that connect and say nothing, and 256 descriptors for daemon and keeper: processes are resurrected and
// commands answered all the same.
func TestIdleClientsCostNobodyAnything(t *testing.T) {
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("needs prlimit")
	}
	t.Parallel()
	p := newProject(t)
	p.configure(`{"processes": [{"name": "web", "clones": 3, "up": ["misbehave", "hold-lock", "web.%clone%"], "resurrect_after": 0, "stable_after": "50ms"}]}`)
	start := p.prepare("start", "-d", "--wait=60s")
	limited := exec.Command("prlimit", append([]string{"--nofile=256:256", start.Path}, start.Args[1:]...)...)
	limited.Dir, limited.Env = start.Dir, start.Env
	if out, err := limited.CombinedOutput(); err != nil {
		t.Fatalf("start: %v\n%s", err, out)
	}
	runtime := filepath.Join(p.dir, ".run", "phorever")
	if os.Getuid() == 0 {
		runtime = "/run/phorever"
	}
	sockets, _ := filepath.Glob(filepath.Join(runtime, keyed(filepath.Join(p.dir, "phorever.json"))+".sock"))
	if len(sockets) != 1 {
		t.Fatalf("the daemon's sockets: %q", sockets)
	}
	for range 1000 {
		client, err := net.DialTimeout("unix", sockets[0], 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
	}
	for range 5 {
		victims := p.pids()
		for _, pid := range victims {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		begin := time.Now()
		p.command(0, "start", "--wait=30s")
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("start took %s", took)
		}
		p.secondCopies()
	}
	if fds, _ := p.weight(); fds > 150 {
		t.Errorf("the daemon has %d descriptors open", fds)
	}
	p.command(0, "stop")
}
