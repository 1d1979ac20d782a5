package logs

import (
	"bufio"
	"io"
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

// A target keeps its connection as long as a file uses it, over files that are closed and opened again, and no longer.
func TestATargetThatNoFileUsesIsClosed(t *testing.T) {
	t.Parallel()
	collector, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer collector.Close()
	p := newPump(t)
	p.ways.rest = 50 * time.Millisecond
	targets := []Target{{Scheme: spec.TargetSyslogTCP, Address: collector.Addr().String(), Facility: 3}}
	one, other := FileOptions{Path: logPath(t), Forward: targets}, FileOptions{Path: logPath(t), Forward: targets}
	f, err := p.Open(one)
	if err != nil {
		t.Fatal(err)
	}
	s, w := named(t, p, "web:1#1.out", f)
	g := open(t, p, other)
	r, rw := named(t, p, "web:2#1.out", g)
	write(t, w, "first\n")
	conn, err := collector.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(conn)
	comes := func(line string) {
		t.Helper()
		got, err := from.ReadString(line[len(line)-1])
		for err == nil && !strings.HasSuffix(got, line) {
			var more string
			more, err = from.ReadString(line[len(line)-1])
			got += more
		}
		if err != nil || strings.Contains(got, "unwanted") {
			t.Fatalf("want %q, got %q; %v", line, got, err)
		}
	}
	comes("first")

	s.Close()
	_ = f.Close()
	eventually(t, "a file is forgotten", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.files[one.Path] == nil
	})
	time.Sleep(3 * p.ways.rest) // the other still uses it
	s, w = named(t, p, "web:1#2.out", open(t, p, one))
	write(t, w, "second\n")
	comes("second")
	one.Forward = nil
	p.Configure(one)
	finish(t, s)
	write(t, w, "unwanted\n")
	finish(t, s)
	write(t, rw, "third\n")
	comes("third")
	other.Forward = nil
	p.Configure(other)
	finish(t, r)
	write(t, rw, "unwanted\n")
	if rest, err := io.ReadAll(from); err != nil || strings.Contains(string(rest), "unwanted") {
		t.Errorf("behind the last line comes %q; %v", rest, err)
	}
	p.ways.mu.Lock()
	defer p.ways.mu.Unlock()
	want(t, "forwarders", 0, len(p.ways.all))
}
