package spec_test

import (
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/dcousineau/phorever/spec"
)

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]spec.Signal{"TERM": "TERM", "sigterm": "TERM", "SigUsr2": "USR2", "kill": "KILL", "CLD": "CHLD", "SIGIOT": "ABRT"} {
		got, err := spec.ParseSignal(text)
		if err != nil || got != want || got.Number() == 0 {
			t.Errorf("ParseSignal(%q) = %q (%d), %v; want %q", text, got, got.Number(), err, want)
		}
	}
	if got := spec.Signal("KILL").Number(); got != syscall.SIGKILL {
		t.Errorf("KILL is %d", got)
	}
}

func TestParseSignalSaysWhatWasMeant(t *testing.T) {
	for text, want := range map[string]string{
		"TREM": `unknown signal "TREM"; did you mean "TERM"?`, "usr": `did you mean "USR1" or "USR2"?`, "15": `"TERM" instead of 15`, "9": `"KILL" instead of 9`,
		"99": `written by name, such as "TERM" (got 99)`, "0": "written by name", "-9": "written by name", "": `unknown signal ""; names are TERM, INT`,
		"please": `unknown signal "please"; names are TERM`, "SIG": "unknown signal", "RTMIN+99": "unknown signal", "RTMIN-1": "unknown signal", "RTMIN+-1": "unknown signal",
		"SIGSIGTERM": "unknown signal", "ſigterm": "unknown signal",
	} {
		if got, err := spec.ParseSignal(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSignal(%q) = %q: want an error with %q, got %v", text, got, want, err)
		}
	}
}

func TestSignalNamesAreRead(t *testing.T) {
	names := spec.SignalNames()
	if len(names) < 30 {
		t.Errorf("only %d signals: %v", len(names), names)
	}
	for _, name := range names {
		s, err := spec.ParseSignal(name)
		if err != nil || string(s) != name || spec.SignalName(s.Number()) != "SIG"+name {
			t.Errorf("%s reads as %s (%s), %v", name, s, spec.SignalName(s.Number()), err)
		}
	}
}

func TestRealtimeSignals(t *testing.T) {
	if runtime.GOOS != "linux" {
		if _, err := spec.ParseSignal("RTMIN"); err == nil {
			t.Error("RTMIN does not exist here")
		}
		t.Skip("the rest is about Linux")
	}
	for n := syscall.Signal(34); n <= 64; n++ {
		s, err := spec.ParseSignal(spec.SignalName(n))
		if err != nil || s.Number() != n {
			t.Errorf("%d is %s, which reads as %s (%d), %v", n, spec.SignalName(n), s, s.Number(), err)
		}
	}
	for text, want := range map[string]syscall.Signal{"SIGRTMIN": 34, "rtmin+3": 37, "RTMAX": 64, "RTMAX-1": 63, "RTMAX-30": 34} {
		if s, err := spec.ParseSignal(text); err != nil || s.Number() != want {
			t.Errorf("%s is %d, %v; want %d", text, s.Number(), err, want)
		}
	}
	for n, want := range map[syscall.Signal]string{37: "SIGRTMIN+3", 34: "SIGRTMIN", 33: "SIG33", 0: "SIG0", 65: "SIG65", -1: "SIG-1", 9: "SIGKILL"} {
		if got := spec.SignalName(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func FuzzParseSignal(f *testing.F) {
	for _, seed := range []string{"TERM", "SIGterm", "9", "RTMIN+3", "RTMAX-30", "TREM"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := spec.ParseSignal(text)
		if (err == nil) != (s.Number() != 0) {
			t.Fatalf("%q is %q (%d), %v", text, s, s.Number(), err)
		}
		if err == nil && spec.SignalName(s.Number()) != "SIG"+string(s) {
			t.Fatalf("%q is %q, which is called %s", text, s, spec.SignalName(s.Number()))
		}
	})
}
