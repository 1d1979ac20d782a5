package osproc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// nobody is a user that every system knows.
var nobody = Credential{Uid: 65534, Gid: 65534}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may run something as another user")
	}
}

// limitOf reads one line of /proc/PID/limits: soft and hard.
func limitOf(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			words := strings.Fields(rest)
			return words[0] + " " + words[1]
		}
	}
	t.Fatalf("no limit %q in %s", name, text)
	return ""
}

func TestLimitsAreSetForTheChildAlone(t *testing.T) {
	limits := []struct {
		resource, name string
		value          uint64
	}{
		{"nofile", "Max open files", 77},
		{"core", "Max core file size", 0},
		{"cpu", "Max cpu time", 1000},
		{"fsize", "Max file size", 1 << 20},
		{"stack", "Max stack size", 1 << 20},
		{"data", "Max data size", 64 << 20},
		{"as", "Max address space", 96 << 20}, // far less than our own binary reserves
		{"memlock", "Max locked memory", 4096},
	}
	ours := make([]string, len(limits))
	c := command("cat")
	for i, limit := range limits {
		ours[i] = limitOf(t, os.Getpid(), limit.name)
		c.Shim.Limits = append(c.Shim.Limits, Limit{limit.resource, limit.value})
	}
	onPipe(t, &c)
	p := start(t, c)
	for i, limit := range limits {
		if got, want := limitOf(t, p.Pid(), limit.name), fmt.Sprintf("%d %[1]d", limit.value); got != want {
			t.Errorf("%s is %s, want %s", limit.resource, got, want)
		}
		if now := limitOf(t, os.Getpid(), limit.name); now != ours[i] {
			t.Errorf("our own %s was %s and is %s", limit.resource, ours[i], now)
		}
	}
}

func TestTheLimitOfOpenFilesIsTheOneThatWeWereStartedWith(t *testing.T) {
	// Go raises its own soft limit to the hard one; a program that uses select would break with more than 1024.
	for _, way := range []string{"plain", "shim"} {
		c := ourselves("show-limit")
		c.Path = command("sh").Path
		c.Argv = []string{"sh", "-c", `ulimit -S -n 64; exec "$0" ` + way, self()}
		if got := strings.TrimSpace(outputOf(t, c)); got != "64" {
			t.Errorf("%s: the soft limit is %s, want 64", way, got)
		}
	}
}

func init() {
	modes["show-limit"] = func() {
		c := shell("ulimit -S -n")
		c.Shim = ways[os.Args[1]]
		c.Stdout = 1
		if p, err := Spawn(c); err == nil {
			_, _, _ = p.wait(unix.WNOWAIT)
			_ = p.reap()
		}
	}
}

func TestUmaskAndNiceAreTheChildsAlone(t *testing.T) {
	usual := umaskOfThread
	defer func() { umaskOfThread = usual }()
	own, nice := statusOf(t, "self", "Umask"), niceOf(t, os.Getpid())
	umask, lower := 0o137, nice+3
	for name, thread := range map[string]bool{"thread": true, "shim": false} {
		if thread && !usual() {
			continue // in a container
		}
		umaskOfThread = func() bool { return thread }
		c := command("cat")
		c.Umask, c.Nice = &umask, &lower
		onPipe(t, &c)
		p := start(t, c)
		if got := statusOf(t, strconv.Itoa(p.Pid()), "Umask"); got != "0137" {
			t.Errorf("%s: umask %s, want 0137", name, got)
		}
		if got := niceOf(t, p.Pid()); got != lower {
			t.Errorf("%s: nice %d, want %d", name, got, lower)
		}
		info, ok := ReadInfo(p.Pid())
		if !ok || info.Parent != os.Getpid() || info.Group != p.Pid() || info.Session != p.Pid() {
			t.Errorf("%s: %+v is not our session leader", name, info)
		}
	}
	// Every thread of ours is as before, once those of the forks have ended, and so is the next child.
	eventually(t, "no thread of ours has the umask", func() bool {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		for _, thread := range threads {
			status, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/status")
			if err == nil && fieldOf(t, string(status), "Umask") != own {
				return false
			}
		}
		return true
	})
	c := command("cat")
	onPipe(t, &c)
	p := start(t, c)
	if got := statusOf(t, strconv.Itoa(p.Pid()), "Umask"); got != own {
		t.Errorf("the next child has umask %s, want %s", got, own)
	}
	if got := niceOf(t, p.Pid()); got != nice {
		t.Errorf("the next child has nice %d, want %d", got, nice)
	}
}

func niceOf(t *testing.T, pid int) int {
	t.Helper()
	n, err := unix.Getpriority(unix.PRIO_PROCESS, pid)
	if err != nil {
		t.Fatal(err)
	}
	return 20 - n // as the system call tells it
}

func TestOOMScoreAndNoNewPrivileges(t *testing.T) {
	score := 700
	c := command("cat")
	c.Shim = Shim{OOMScoreAdj: &score, NoNewPrivs: true}
	onPipe(t, &c)
	p := start(t, c)
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", p.Pid()))
	if err != nil || strings.TrimSpace(string(text)) != "700" {
		t.Errorf("oom_score_adj is %q (%v), want 700", text, err)
	}
	if got := statusOf(t, strconv.Itoa(p.Pid()), "NoNewPrivs"); got != "1" {
		t.Errorf("NoNewPrivs is %s, want 1", got)
	}
	text, err = os.ReadFile("/proc/self/oom_score_adj")
	if err != nil || strings.TrimSpace(string(text)) == "700" {
		t.Errorf("our own oom_score_adj is %q (%v)", text, err)
	}
}

func TestAnotherUser(t *testing.T) {
	needRoot(t)
	for name, shim := range map[string]Shim{"plain": {}, "shim": {Limits: []Limit{{"nofile", 88}}}} {
		c := command("cat")
		c.Credential, c.Shim = &Credential{nobody.Uid, nobody.Gid, []uint32{4242, 4243}}, shim
		onPipe(t, &c)
		pid := strconv.Itoa(start(t, c).Pid())
		for field, want := range map[string]string{
			"Uid": "65534 65534 65534 65534", "Gid": "65534 65534 65534 65534", "Groups": "4242 4243", "CapEff": "0000000000000000",
		} {
			if got := statusOf(t, pid, field); got != want {
				t.Errorf("%s: %s is %q, want %q", name, field, got, want)
			}
		}
	}
	if os.Geteuid() != 0 || syscall.Getegid() != 0 {
		t.Error("we are another user ourselves")
	}
}

func TestLimitsOfAnotherUser(t *testing.T) {
	needRoot(t)
	c := command("cat")
	c.Credential, c.Shim = &nobody, Shim{Limits: []Limit{{"nproc", 5000}, {"nofile", 4096}}}
	onPipe(t, &c)
	p := start(t, c)
	if got := limitOf(t, p.Pid(), "Max processes"); got != "5000 5000" {
		t.Errorf("nproc is %s", got)
	}
}
