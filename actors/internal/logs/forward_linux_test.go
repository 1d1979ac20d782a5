package logs

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dcousineau/phorever/spec"
)

// Lines are forwarded as they were written: also those of a file that takes none, and those that stand otherwise in it.
func TestLinesAreForwardedWhateverBecomesOfTheFile(t *testing.T) {
	address := filepath.Join(t.TempDir(), "collector")
	collector, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer collector.Close()
	if err := collector.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for what, o := range map[string]FileOptions{
		"as it is":  {Path: logPath(t)},
		"dressed":   {Path: logPath(t), Form: Form{JSON: true}},
		"no file":   {Path: t.TempDir()},
		"/dev/null": {Path: "/dev/null"},
	} {
		o.Forward = []Target{{Scheme: spec.TargetSyslog, Address: address, Facility: 3}}
		p := newPump(t)
		f := open(t, p, o)
		if what == "no file" {
			eventually(t, "it is known to take nothing", func() bool { return f.Err() != nil })
		}
		s, w := named(t, p, "web:2#13.err", f)
		write(t, w, "one\ntwo\nno end")
		finish(t, s)
		for _, want := range []string{"one", "two", "no end"} {
			text := make([]byte, 1000)
			n, err := collector.Read(text)
			if got := string(text[:n]); err != nil || !strings.HasSuffix(got, `[phorever@32473 clone="2" run="13" stream="stderr"] `+want) {
				t.Fatalf("%s: %q comes, want %q; %v", what, got, want, err)
			}
		}
		p.Close()
	}
}
