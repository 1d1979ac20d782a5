package spec_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/spec"
)

func TestLoadEnvironment(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, ".env", "# why\nA=file\nexport B=\"two words\"\nC='$A'\nD=${A}!\nPERCENT='%name% %%name%% 100%'\n", 0o600)
	env := spec.Environment{File: filepath.Join(directory, ".env"), Values: map[string]string{"A": "value", "E": "%name%"}}
	loaded, err := env.Load()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, value := range loaded {
		if got[name], err = expansion(nil).Expand(value); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"A": "value", "B": "two words", "C": "$A", "D": "file!", "E": "short_lived", "PERCENT": "%name% %%name%% 100%"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if env.Values["B"] != "" {
		t.Error("the configuration was modified")
	}
}

// TestFilesStandForThemselves: a password is not a text with placeholders.
func TestFilesStandForThemselves(t *testing.T) {
	directory := t.TempDir()
	pieces := rapid.SampledFrom([]string{"%", "%%", "name", "env.A", "x", ".", "clone"})
	rapid.Check(t, func(rt *rapid.T) {
		value := strings.Join(rapid.SliceOfN(pieces, 0, 14).Draw(rt, "value"), "")
		write(t, directory, ".env", "V='"+value+"'\n", 0o600)
		loaded, err := spec.Environment{File: filepath.Join(directory, ".env")}.Load()
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := expansion(nil).Expand(loaded["V"]); err != nil || got != value {
			rt.Fatalf("%q arrives as %q, %v", value, got, err)
		}
	})
}

func TestEnvironmentErrorsNameTheFileOnly(t *testing.T) {
	directory := t.TempDir()
	for name, content := range map[string]string{"unclosed": "A=\"hunter2\nB=x", "noise": "hunter2 hunter2\n"} {
		write(t, directory, name, content, 0o600)
		_, err := spec.Environment{File: filepath.Join(directory, name)}.Load()
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (spec.Environment{File: filepath.Join(directory, "absent")}).Load(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	if values, err := (spec.Environment{}).Load(); err != nil || len(values) != 0 {
		t.Error(values, err)
	}
}

// TestEnvFilesNeedNotEnd: neither a check nor a start waits for a FIFO's writer or reads a device for ever.
func TestEnvFilesNeedNotEnd(t *testing.T) {
	directory := t.TempDir()
	fifo := filepath.Join(directory, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, directory, "large", "A="+strings.Repeat("x", 1<<20), 0o600)
	write(t, directory, "nearly", "A="+strings.Repeat("x", 1<<20-2), 0o600)
	for _, test := range []struct{ file, want string }{
		{fifo, "is not a regular file"}, {"/dev/zero", "is not a regular file"}, {directory, "is a directory"},
		{filepath.Join(directory, "large"), "is larger than 1 MiB"}, {filepath.Join(directory, "nearly"), ""}, {"/dev/null", ""},
	} {
		loaded, checked := make(chan error, 1), make(chan spec.Problems, 1)
		go func() {
			_, err := spec.Environment{File: test.file}.Load()
			loaded <- err
			write(t, directory, "phorever.json", `{"processes": [{"name": "a", "up": "sleep 1", "env_file": "`+test.file+`"}]}`, 0o600)
			_, problems := spec.Load(filepath.Join(directory, "phorever.json"), spec.LoadOptions{AllowUnsafe: true})
			checked <- problems
		}()
		select {
		case err := <-loaded:
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.file+": "+test.want) {
				t.Errorf("a start with %s: %v", test.file, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("a start hangs at %s", test.file)
		}
		select {
		case problems := <-checked:
			if problems.HasErrors() != (test.want != "") || !strings.Contains(problems.String(), test.want) {
				t.Errorf("a check with %s: %s", test.file, problems)
			}
		case <-time.After(time.Minute):
			t.Fatalf("a check hangs at %s", test.file)
		}
	}
}

func TestBaseEnvironment(t *testing.T) {
	got := spec.BaseEnvironment([]string{
		"PATH=/bin", "PHOREVER_CONFIG=x", "PHOREVER=kept", "NOTIFY_SOCKET=@x", "LISTEN_FDS=1", "LISTEN_PID=1", "LISTENER=kept", "WATCHDOG_USEC=1",
		"INVOCATION_ID=1", "INVOCATION_IDS=kept", "JOURNAL_STREAM=1:2", "A=PHOREVER_X=1", "EMPTY=",
	})
	want := []string{"PATH=/bin", "PHOREVER=kept", "LISTENER=kept", "INVOCATION_IDS=kept", "A=PHOREVER_X=1", "EMPTY="}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
