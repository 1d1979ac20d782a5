package osproc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	modes["without-descriptors"] = func() {
		_, _ = openNull()
		_ = syscall.Setrlimit(unix.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: 3})
		showStartError()
	}
	modes["without-processes"] = func() {
		debug.SetGCPercent(-1) // from now on no thread can be made
		if os.Geteuid() == 0 { // whom the limit does not bind
			_ = syscall.Setgid(int(nobody.Gid))
			_ = syscall.Setuid(int(nobody.Uid))
		}
		_ = syscall.Setrlimit(unix.RLIMIT_NPROC, &syscall.Rlimit{Cur: 1, Max: 1})
		showStartError()
	}
}

// showStartError prints why a start failed, and whether a later one may succeed.
func showStartError() {
	_, err := Spawn(command("/bin/sh", "-c", "exit 0"))
	var start *StartError
	if !errors.As(err, &start) {
		fmt.Println("not a StartError:", err)
		return
	}
	fmt.Println(err, Shortage(err))
}

func TestAShortageIsToldAsOne(t *testing.T) {
	for mode, want := range map[string]string{
		"without-descriptors": "/bin/sh: fork: too many open files true",
		"without-processes":   "/bin/sh: fork: resource temporarily unavailable (too many processes: see ulimit -u and the cgroup's pids.max) true",
	} {
		c := ourselves(mode)
		if got := strings.TrimSpace(outputOf(t, c)); got != want {
			t.Errorf("%s: got %q, want %q", mode, got, want)
		}
	}
}

// files makes the programs that cannot be started.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"ok":        "#!/bin/sh\nexit 0\n",
		"nointerp":  "#!/no/such/sh -e\nexit 0\n",
		"windows":   "#!/bin/sh\r\nexit 0\r\n",
		"noshebang": "exit 0\n",
		"empty":     "",
		"alien":     "\x7fELF\x02\x01\x01 another machine's program",
		"viadead":   "#!" + dir + "/plain\n",
		"chained":   "#!" + dir + "/nointerp\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "plain"), []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAFailedStartSaysWhyAndLeavesNothing(t *testing.T) {
	dir := files(t)
	for _, test := range []struct {
		path, dir string
		want      string // after the name; DIR is the directory of the files
		is        error
	}{
		{"/missing", "", ": no such file or directory", syscall.ENOENT},
		{"/plain/x", "", ": not a directory", syscall.ENOTDIR},
		{"", "", ": is a directory", syscall.EISDIR},
		{"/plain", "", ": permission denied (not executable: chmod +x)", syscall.EACCES},
		{"/ok", "/missing", ": directory DIR/missing: no such file or directory", syscall.ENOENT},
		{"/ok", "/plain", ": directory DIR/plain: not a directory", syscall.ENOTDIR},
		{"/nointerp", "", ": its interpreter /no/such/sh: no such file or directory", syscall.ENOENT},
		{"/chained", "", ": its interpreter /no/such/sh: no such file or directory", syscall.ENOENT},
		{"/viadead", "", ": its interpreter DIR/plain: permission denied (not executable: chmod +x)", syscall.EACCES},
		{"/windows", "", `: its interpreter "/bin/sh\r": no such file or directory (the file has Windows line ends)`, syscall.ENOENT},
		{"/noshebang", "", ": exec format error (the first line of a script must be #!/bin/sh or the like)", syscall.ENOEXEC},
		{"/empty", "", ": exec format error (the file is empty)", syscall.ENOEXEC},
		{"/alien", "", ": exec format error (built for another kind of machine, or damaged)", syscall.ENOEXEC},
		{"/o\x00k", "", ": path: invalid argument (it holds a NUL byte)", syscall.EINVAL},
	} {
		for way, shim := range ways {
			if strings.Contains(test.path, "\x00") && way == "shim" {
				continue // its order is text
			}
			c := command("name")
			c.Path, c.Shim = dir+test.path, shim
			if test.dir != "" {
				c.Dir = dir + test.dir
			}
			before := openFiles()
			_, err := Spawn(c)
			var start *StartError
			if !errors.As(err, &start) || !errors.Is(err, test.is) {
				t.Errorf("%s of %s: got %#v, want a StartError that is %v", way, test.path, err, test.is)
				continue
			}
			if want := "name" + strings.ReplaceAll(test.want, "DIR", dir); err.Error() != want {
				t.Errorf("%s of %s:\ngot  %s\nwant %s", way, test.path, err, want)
			}
			if Shortage(err) {
				t.Errorf("%s of %s: the command is to blame", way, test.path)
			}
			if now := openFiles(); !slices.Equal(now, before) {
				t.Errorf("%s of %s: descriptors %q, before %q", way, test.path, now, before)
			}
			if zombie, some := anyChild(); some {
				t.Errorf("%s of %s: a child is left (zombie %d)", way, test.path, zombie)
			}
		}
	}
}

func TestMoreWaysToFail(t *testing.T) {
	dir := files(t)
	busy, err := os.OpenFile(filepath.Join(dir, "ok"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	tooLow := -2000
	for name, test := range map[string]struct {
		change func(c *Command)
		want   string
	}{
		"busy":        {func(c *Command) { c.Path = dir + "/ok" }, "sh: text file busy (the file is still being written)"},
		"too long":    {func(c *Command) { c.Argv = append(c.Argv, strings.Repeat("x", 4<<20)) }, "sh: argument list too long (arguments and environment together)"},
		"argument":    {func(c *Command) { c.Argv = append(c.Argv, "a\x00b") }, "sh: arguments: invalid argument (one holds a NUL byte)"},
		"environment": {func(c *Command) { c.Env = append(c.Env, "a=\x00b") }, "sh: environment: invalid argument (a variable holds a NUL byte)"},
		"limit":       {func(c *Command) { c.Shim.Limits = []Limit{{"colour", 1}} }, "sh: limit colour: invalid argument"},
		"score":       {func(c *Command) { c.Shim.OOMScoreAdj = &tooLow }, "sh: oom_score_adj: invalid argument"},
		"shim": {func(c *Command) { c.Shim.NoNewPrivs, c.ShimPath = true, dir+"/missing" },
			"sh: our own binary " + dir + "/missing: no such file or directory"},
		"no shim": {func(c *Command) { c.Shim.NoNewPrivs, c.ShimPath = true, "" }, "sh: limits need our own binary, which is not known"},
	} {
		c := command("sh", "-c", "exit 0")
		test.change(&c)
		p, err := Spawn(c)
		if err == nil {
			finish(p)
			t.Errorf("%s: it started", name)
		} else if err.Error() != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, err, test.want)
		}
	}
}

func TestWhatOnlyRootMayDo(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("we are root")
	}
	lower, score := -5, -900
	cases := map[string]func(c *Command){
		"sh: become user 0, group 0: operation not permitted (only root may)": func(c *Command) { c.Credential = &Credential{} },
		"sh: nice -5: permission denied (only root may lower it)":             func(c *Command) { c.Nice = &lower },
		"sh: oom_score_adj: permission denied (only root may lower it)":       func(c *Command) { c.Shim.OOMScoreAdj = &score },
	}
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		t.Fatal(err)
	}
	if most, ok := mostOpenFiles(); ok && now.Max < most {
		cases["sh: limit nofile: operation not permitted (above the hard limit, which only root may raise)"] = func(c *Command) {
			c.Shim.Limits = []Limit{{"nofile", now.Max + 1}}
		}
	}
	for want, change := range cases {
		c := command("sh", "-c", "exit 0")
		change(&c)
		p, err := Spawn(c)
		if err == nil {
			finish(p)
			t.Errorf("started, want %q", want)
		} else if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

// TestTheKernelsOwnLimit: what not even root may raise is not called a matter of rights.
func TestTheKernelsOwnLimit(t *testing.T) {
	most, ok := mostOpenFiles()
	if !ok {
		t.Skip("fs.nr_open is not known")
	}
	for _, value := range []uint64{most + 1, ^uint64(0)} {
		c := command("sh", "-c", "exit 0")
		c.Shim.Limits = []Limit{{"nofile", value}}
		want := fmt.Sprintf("sh: limit nofile: operation not permitted (above fs.nr_open, which is %d: sysctl raises it)", most)
		p, err := Spawn(c)
		if err == nil {
			finish(p)
			t.Errorf("started with %d files, want %q", value, want)
		} else if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestAnotherUserMayNotExecuteIt(t *testing.T) {
	needRoot(t)
	dir := files(t)
	c := command("name")
	c.Path, c.Credential = dir+"/ok", &nobody
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Spawn(c)
	if want := "name: permission denied (as user 65534)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
