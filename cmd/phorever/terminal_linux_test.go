package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a real pseudo-terminal with a session on it.
type terminal struct {
	t       *testing.T
	master  *os.File
	command *exec.Cmd
	ended   chan struct{}

	mu   sync.Mutex
	text strings.Builder
}

// onTerminal runs a command as the leader of a session whose terminal it is.
func (p *project) onTerminal(command *exec.Cmd, toStop bool) *terminal {
	p.t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		p.t.Skipf("no pseudo-terminal: %v", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	master := os.NewFile(uintptr(fd), "terminal") // which can be closed while it is read from
	if err != nil {
		p.t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	defer slave.Close()
	if toStop {
		settings, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
		if err != nil {
			p.t.Fatal(err)
		}
		settings.Lflag |= unix.TOSTOP
		if err := unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, settings); err != nil {
			p.t.Fatal(err)
		}
	}
	command.Stdin, command.Stdout, command.Stderr = slave, slave, slave
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, unix.SIGHUP) // or whatever begins here ignores it where the tests were begun by nohup
	err = command.Start()
	signal.Stop(heard)
	if err != nil {
		p.t.Fatal(err)
	}
	term := &terminal{t: p.t, master: master, command: command, ended: make(chan struct{})}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			term.mu.Lock()
			term.text.Write(buffer[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() { _ = command.Wait(); close(term.ended) }()
	p.t.Cleanup(func() { _ = master.Close() })
	return term
}

func (term *terminal) typed(key string) {
	if _, err := term.master.WriteString(key); err != nil {
		term.t.Error(err)
	}
}

// shows waits until the terminal shows a text so many times.
func (term *terminal) shows(what string, times int) {
	term.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		term.mu.Lock()
		text := term.text.String()
		term.mu.Unlock()
		if strings.Count(text, what) >= times {
			return
		}
		if time.Now().After(deadline) {
			term.t.Fatalf("the terminal does not show %q %d times:\n%s", what, times, text)
		}
	}
}

func (term *terminal) ends(code int) {
	term.t.Helper()
	select {
	case <-term.ended:
	case <-time.After(20 * time.Second):
		term.t.Fatal("it does not end")
	}
	if got := term.command.ProcessState.ExitCode(); got != code {
		term.t.Errorf("it ended with %d, want %d", got, code)
	}
}

// terminalProject has a process that takes its time to end, and says so.
func terminalProject(t *testing.T) *project {
	t.Parallel()
	p := newProject(t)
	p.configure(`{"defaults": {"resurrect_after": 0, "stable_after": "50ms"},
		"processes": [{"name": "polite", "up": "trap 'sleep 1; echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"}]}`)
	return p
}

func (p *project) wantInLog(what string) {
	p.t.Helper()
	text, _ := os.ReadFile(filepath.Join(p.dir, "logs", "polite.log"))
	if !strings.Contains(string(text), what) {
		p.t.Errorf("%q is not in its log: %q", what, text)
	}
}

func TestOneCtrlCIsOneStop(t *testing.T) {
	p := terminalProject(t)
	term := p.onTerminal(p.prepare("start"), false)
	term.shows("polite:1 is RUNNING", 1)
	term.typed("\x1a") // Ctrl-Z does nothing
	p.command(0, "status")
	term.typed("\x03")
	term.ends(0)
	p.wantInLog("bye") // a second stop would have cut that short
}

func TestAForegroundDaemonStopsWithItsTerminal(t *testing.T) {
	p := terminalProject(t)
	term := p.onTerminal(p.prepare("start"), false)
	term.shows("polite:1 is RUNNING", 1)
	_ = term.master.Close()
	term.ends(0)
	p.wantInLog("bye")
}

func TestATerminalThatGoesWhileTheDaemonIsDeadStopsTheNext(t *testing.T) {
	p := terminalProject(t)
	term := p.onTerminal(p.prepare("start"), false)
	term.shows("polite:1 is RUNNING", 1)
	p.kill(p.pidOf("pid"))
	_ = term.master.Close()
	term.ends(0)
	p.wantInLog("bye")
}

func TestADaemonUnderNohupOutlivesItsTerminal(t *testing.T) {
	p := terminalProject(t)
	command := p.prepare()
	shell := exec.Command("sh", "-c", `trap '' HUP; exec "$0" start`, command.Path)
	shell.Dir, shell.Env = command.Dir, command.Env
	term := p.onTerminal(shell, false)
	term.shows("polite:1 is RUNNING", 1)
	_ = term.master.Close()
	p.runsOn(3)
	p.command(0, "stop")
}

func TestADaemonInTheBackgroundOutlivesItsTerminal(t *testing.T) {
	p := terminalProject(t)
	term := p.onTerminal(p.prepare("start", "-d"), false)
	term.ends(0)
	_ = term.master.Close()
	p.runsOn(1)
	p.command(0, "stop")
}

func TestATerminalThatStopsWritersStopsNoDaemon(t *testing.T) {
	p := terminalProject(t)
	command := p.prepare()
	shell := exec.Command("sh", "-mc", `"$0" start & wait`, command.Path)
	shell.Dir, shell.Env = command.Dir, command.Env
	p.onTerminal(shell, true)
	p.eventually("polite:1 runs", func() bool { return p.stateOf("polite:1") == "RUNNING" })
	p.runsOn(3)
	p.command(0, "stop")
}

func TestAReaderThatLeavesEndsNoDaemon(t *testing.T) {
	p := terminalProject(t)
	command := p.prepare()
	shell := exec.Command("sh", "-c", `"$0" start 2>&1 | head -1`, command.Path)
	shell.Dir, shell.Env = command.Dir, command.Env
	term := p.onTerminal(shell, false)
	p.eventually("polite:1 runs", func() bool { return p.stateOf("polite:1") == "RUNNING" })
	p.runsOn(3) // each of which is a line that nobody reads
	p.command(0, "stop")
	term.ends(0)
}

// runsOn kills the process a few times: it comes back.
func (p *project) runsOn(times int) {
	p.t.Helper()
	for range times {
		before := p.pidIn("polite:1")
		_ = syscall.Kill(before, syscall.SIGKILL)
		p.eventually("another process", func() bool {
			now := p.pidIn("polite:1")
			return now > 1 && now != before && p.stateOf("polite:1") == "RUNNING"
		})
	}
}

func (p *project) eventually(what string, true func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !true(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("never: %s", what)
		}
	}
}

// field is one field of a process, "" while no daemon answers.
func (p *project) field(id, name string) string {
	out, _ := p.prepare("status", "--all", "--json").Output()
	var reply map[string]any
	if json.Unmarshal(out, &reply) != nil {
		return ""
	}
	return show(reply, id, name)
}

func (p *project) stateOf(id string) string { return p.field(id, "state") }

func (p *project) pidIn(id string) int {
	pid, _ := strconv.Atoi(p.field(id, "pid"))
	return pid
}
