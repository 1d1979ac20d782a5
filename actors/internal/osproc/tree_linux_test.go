package osproc

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func kinsfolk(t *testing.T, script, mark string) (p *Process, kin *Kin) {
	t.Helper()
	c := shell(script)
	c.Env = append(c.Env, mark)
	p, err := Spawn(c)
	if err != nil {
		t.Fatal(err)
	}
	kin = &Kin{Leader: p.Pid(), Start: p.StartTime(), Mark: mark}
	t.Cleanup(func() {
		for range 100 {
			if Kill(kin) == 0 {
				break
			}
		}
		_, _, _ = p.wait(0)
		_ = p.reap()
	})
	return p, kin
}

func TestAllMembersOfATreeAreFoundAndKilled(t *testing.T) {
	mark := "PHOREVER_ID=test/" + strconv.Itoa(os.Getpid()) + ":1#1"
	_, kin := kinsfolk(t, `sleep 1000 & setsid sleep 1001 & (setsid sh -c 'sleep 1002 & exit 0' &); sh -c 'trap "" TERM; sleep 1003 & sleep 1004 & wait' &
		sleep 1005 & kill -STOP $!; exec sleep 1006`, mark)
	eventually(t, "nine members", func() bool { return len(kin.Members()) == 8 })
	for _, m := range kin.Members() {
		claimed := kin.Claims(m.Pid, m.Start)
		if info, ok := ReadInfo(m.Pid); !claimed && ok && info.Start == m.Start && info.State != 'Z' { // not one that was about to leave
			t.Errorf("%d is not claimed", m.Pid)
		}
		if kin.Claims(m.Pid, m.Start+1) {
			t.Errorf("whoever has the number of %d is claimed", m.Pid)
		}
	}
	if kin.Claims(os.Getppid(), startTime(os.Getppid())) {
		t.Error("a stranger is claimed")
	}
	Kill(kin)
	eventually(t, "nobody is left", func() bool { return len(kin.Members()) == 0 })
}

// A bomb within limits: whatever dies is replaced by two, up to a few hundred.
func TestABombIsDefused(t *testing.T) {
	mark := "PHOREVER_ID=test/" + strconv.Itoa(os.Getpid()) + ":2#1"
	directory := t.TempDir()
	_, kin := kinsfolk(t, `cd `+directory+`; bomb() { while [ "$(ls | wc -l)" -lt 300 ]; do : >"$(sh -c 'echo $$')"; bomb & sleep 0.01; done; sleep 100; }; bomb`, mark)
	eventually(t, "many members", func() bool { return len(kin.Members()) > 30 })
	for range 200 {
		if Kill(kin) == 0 && len(kin.Members()) == 0 {
			return
		}
	}
	t.Fatalf("%d are left", len(kin.Members()))
}

func TestAMemberThatHasGoneIsNotSignaled(t *testing.T) {
	p, err := Spawn(shell("exec sleep 100"))
	if err != nil {
		t.Fatal(err)
	}
	stranger := Member{p.Pid(), p.StartTime() + 1}
	if err := stranger.Signal(syscall.SIGKILL); !errors.Is(err, ErrGone) {
		t.Errorf("a signal to a recycled number: %v", err)
	}
	if _, ended, _ := p.wait(4 | 1 | 0x01000000); ended { // WEXITED|WNOHANG|WNOWAIT
		t.Fatal("it was killed")
	}
	_ = p.Signal(syscall.SIGKILL)
	_, _, _ = p.wait(0)
	_ = p.reap()
}

func TestReadPidFile(t *testing.T) {
	directory := t.TempDir()
	path := func(name, content string) string {
		full := filepath.Join(directory, name)
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return full
	}
	for content, want := range map[string]int{"4711": 4711, " 4711\n": 4711, "4711 \n\n": 4711} {
		if got, err := ReadPidFile(path("good", content)); err != nil || got != want {
			t.Errorf("%q: %d, %v", content, got, err)
		}
	}
	for content, want := range map[string]string{
		"0": "no process of ours", "1": "no process of ours", "-1": "no process of ours", "12x": "no number", "99999999999999999999": "no number",
		"1 2": "no number", strconv.Itoa(os.Getpid()): "Phorever itself", strings.Repeat("1", 65): "more than a number",
	} {
		if _, err := ReadPidFile(path("bad", content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := ReadPidFile(path("empty", "\n")); !errors.Is(err, ErrNotYet) {
		t.Errorf("empty: %v", err)
	}
	if _, err := ReadPidFile(filepath.Join(directory, "absent")); !errors.Is(err, ErrNotYet) {
		t.Errorf("absent: %v", err)
	}
	fifo, link := filepath.Join(directory, "fifo"), filepath.Join(directory, "link")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o644), os.Symlink(path("target", "4711"), link)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{fifo: "not a regular file", link: "symbolic link", directory: "not a regular file"} {
		if _, err := ReadPidFile(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParsePid(f *testing.F) {
	f.Add("4711\n")
	f.Fuzz(func(t *testing.T, text string) {
		if pid, err := parsePid(text); err == nil && (pid < 2 || pid == os.Getpid()) {
			t.Errorf("%q is %d", text, pid)
		}
	})
}

// Where a start time is not read in /proc, it is the one that stands there.
func TestStartTimesAreThoseOfProc(t *testing.T) {
	known := 0
	for range 200 {
		c := shell("exec sleep 100")
		attributes := &syscall.ProcAttr{Env: c.Env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}}
		p := &Process{pidfd: -1, ours: true}
		ticket := forkBegins()
		var err error
		p.pid, p.start, err = forkExec(c, attributes)
		if err != nil {
			t.Fatal(err)
		}
		forkEnded(ticket, p.pid)
		there := startTime(p.pid)
		if p.start != 0 {
			known++
			if p.start != there {
				t.Errorf("the start time %d is %d in /proc", p.start, there)
			}
		}
		if p.learnStart(); p.start != there {
			t.Errorf("the start time is %d, in /proc %d", p.start, there)
		}
		finish(p)
	}
	if known == 0 {
		t.Error("every one had to be read in /proc")
	}
	if clockTold.Load() != 1 {
		t.Errorf("the clock is not that of /proc: %d", clockTold.Load())
	}
}

// A number that was given anew names nobody any more: neither by itself, nor its session, nor its group.
func TestNumbersThatWereGivenAnewAreForgotten(t *testing.T) {
	const first, helper, stranger, its = 1001, 1002, 1003, 1004
	kin := &Kin{Leader: first, Start: 50}
	kin.Know(helper, 60, helper)
	then := &snapshot{processes: map[int]Info{
		first:  {Start: 50, Session: first, Group: first, State: 'Z'},
		helper: {Start: 60, Session: helper, Group: helper},
	}, began: 100}
	if want, got := []Member{{helper, 60}}, kin.find(then); !slices.Equal(want, got) {
		t.Fatalf("want %v, got %v", want, got)
	}
	later := &snapshot{processes: map[int]Info{
		first:    {Start: 500, Session: first, Group: first},
		helper:   {Start: 501, Session: helper, Group: helper},
		stranger: {Start: 502, Session: first, Group: first},
		its:      {Start: 503, Session: helper, Group: its},
	}, began: 1000}
	if got := kin.find(later); len(got) > 0 {
		t.Errorf("strangers are claimed: %v", got)
	}
}
