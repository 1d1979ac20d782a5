package pidfile

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWhatIsNotAFileIsRefused: each with a sentence that says what is wrong, at once, and without a change to it.
func TestWhatIsNotAFileIsRefused(t *testing.T) {
	for _, test := range []struct {
		name, want string
		prepare    func(t *testing.T, path string) error
	}{
		{"symlink", "is a symbolic link; name the file itself", func(t *testing.T, path string) error {
			write(t, path+".target", "precious\n")
			return os.Symlink(path+".target", path)
		}},
		{"dangling symlink", "is a symbolic link; name the file itself", func(_ *testing.T, path string) error {
			return os.Symlink(path+".target", path)
		}},
		{"fifo", "is not a regular file", func(_ *testing.T, path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"socket", "is not a regular file", func(t *testing.T, path string) error {
			listener, err := net.Listen("unix", path)
			t.Cleanup(func() { listener.Close() })
			return err
		}},
		{"directory", "is a directory", func(_ *testing.T, path string) error { return os.Mkdir(path, 0o700) }},
		{"below a file", "not a directory", func(t *testing.T, path string) error {
			write(t, filepath.Dir(path), "")
			return nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			top, err := os.MkdirTemp("", "pid") // a socket's path has to be short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(top) })
			path := filepath.Join(top, "phorever.pid")
			if test.name == "below a file" {
				path = filepath.Join(top, "file", "phorever.pid")
			}
			if err := test.prepare(t, path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(path)
			within(t, 5*time.Second, func() {
				f, err := Acquire(path)
				if err == nil {
					f.Release()
					t.Error("it was accepted")
					return
				}
				var held *HeldError
				if errors.As(err, &held) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), filepath.Dir(path)) {
					t.Errorf("it says %q, want the path and %q", err, test.want)
				}
			})
			if after, _ := os.Lstat(path); before != nil && (after == nil || !os.SameFile(before, after)) {
				t.Error("it was replaced")
			}
			switch test.name {
			case "symlink":
				wantContent(t, path+".target", "precious\n")
			case "dangling symlink":
				wantAbsent(t, path+".target")
			}
		})
	}
}

func TestEarlierContentIsNoObstacle(t *testing.T) {
	for name, content := range map[string]string{
		"empty":          "",
		"garbage":        "\x00\xff no number",
		"longer":         strings.Repeat("1234567890", 500) + "\n",
		"a living pid":   line(os.Getppid()),
		"a negative pid": "-1\n",
		"our own pid":    line(os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "phorever.pid")
			write(t, path, content)
			f := acquire(t, path)
			wantContent(t, path, line(os.Getpid()))
			f.Release()
			wantAbsent(t, path)
		})
	}
}

// TestAStrangerIsLeftAlone: the stale number now belongs to a process that any usual signal would end.
func TestAStrangerIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "phorever.pid")
	stranger := start(t, "sleep", "")
	write(t, path, line(stranger.pid()))
	acquire(t, path).Release()
	_ = stranger.input.Close() // its own way to end
	if err := stranger.cmd.Wait(); err != nil {
		t.Errorf("the stranger ended by itself, but: %v", err)
	}
}

func TestMissingDirectoriesAreMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "phorever.pid")
	acquire(t, path)
	wantContent(t, path, line(os.Getpid()))
}

// TestADirectoryThatIsNotOurs: the error names the file and the reason, and is no HeldError.
func TestADirectoryThatIsNotOurs(t *testing.T) {
	directory, err := os.MkdirTemp("", "pid") // its directories must be open to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	if err := os.Chmod(directory, 0o555); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, "phorever.pid")
	ordinary := func(cmd *exec.Cmd) {
		if os.Getuid() == 0 { // modes do not bind root
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
	}
	answer, _ := start(t, "own", path, ordinary).try()
	if !strings.HasPrefix(answer, "error") || !strings.Contains(answer, path) || !strings.Contains(answer, "permission denied") {
		t.Errorf("it says %q, want the path and why", answer)
	}
	wantAbsent(t, path)
}

// TestAFullDiskLeavesNothingBehind: who cannot write its number does not own the file, and leaves no empty one.
func TestAFullDiskLeavesNothingBehind(t *testing.T) {
	for name, content := range map[string]string{"absent": "", "stale": "1\n"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "phorever.pid")
			if content != "" {
				write(t, path, content)
			}
			full := start(t, "nowhere-to-write", path)
			answer, _ := full.try()
			if !strings.HasPrefix(answer, "error") || !strings.Contains(answer, path) || !strings.Contains(answer, "too large") {
				t.Errorf("it says %q, want the path and why", answer)
			}
			wantAbsent(t, path)
			acquire(t, path) // while the one that failed still lives
		})
	}
}
