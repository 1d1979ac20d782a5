package spec

import (
	"strings"
	"testing"
)

func TestTargetsAreWrittenInOneWay(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"syslog", "syslog"},
		{"syslog:///dev/log", "syslog"},
		{"syslog:///dev/../dev//log?facility=daemon", "syslog"},
		{"syslog:///run/other", "syslog:///run/other"},
		{"syslog?facility=local0", "syslog?facility=local0"},
		{"syslog?facility=kern", "syslog?facility=kern"},
		{"syslog+udp://Logs.Example.com", "syslog+udp://logs.example.com:514"},
		{"syslog+udp://10.0.0.1:0514", "syslog+udp://10.0.0.1:514"},
		{"syslog+tcp://[2001:DB8::0:1]", "syslog+tcp://[2001:db8::1]:514"},
		{"syslog+tcp://[::1]:6514?facility=local7", "syslog+tcp://[::1]:6514?facility=local7"},
		{"journald", "journald"},
		{"journald:///run/systemd/journal/socket", "journald"},
		{"journald:///tmp/s", "journald:///tmp/s"},
		{"stdout", "stdout"},
		{"stderr", "stderr"},
	} {
		got, err := ParseLogTarget(c.text)
		if err != nil || got.String() != c.want {
			t.Errorf("Parse(%q) is %q, %v; want %q", c.text, got, err, c.want)
			continue
		}
		if again, err := ParseLogTarget(got.String()); err != nil || again != got {
			t.Errorf("Parse(%q) is %v, %v; want what it was written from", got, again, err)
		}
	}
}

func TestBadTargetsSayWhatIsAllowed(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "allowed are"},
		{"sylog", `unknown target "sylog": allowed are`},
		{"http://host", `unknown target "http": allowed are`},
		{"stdout:///x", `write "stdout" alone`},
		{"stdout?facility=user", "only syslog has a facility"},
		{"journald?facility=user", "only syslog has a facility"},
		{"syslog://dev/log", "three slashes"},
		{"syslog://", "three slashes"},
		{"journald:///a\x00b", "no control characters"},
		{"syslog:///" + strings.Repeat("x", 200), "at most"},
		{"syslog+udp", `like "syslog+udp://logs.example.com:514"`},
		{"syslog+udp://", "no name or address of a host"},
		{"syslog+udp://host:syslog", `the port "syslog" is no number`},
		{"syslog+udp://host:0", `the port "0" is no number`},
		{"syslog+udp://host:65536", `the port "65536" is no number`},
		{"syslog+tcp://::1", "no host and port"},
		{"syslog+tcp://user@host:1", "no name or address of a host"},
		{"syslog+tcp://host:1/path", "is no number"},
		{"syslog+tcp://ho st:1", "no name or address of a host"},
		{"syslog?", "the only one is facility"},
		{"syslog?facility=", `unknown facility "": allowed are kern, user`},
		{"syslog?facility=loc", `unknown facility "loc": allowed are kern, user`},
		{"syslog?facility=user&facility=kern", "once"},
		{"syslog?color=red", "the only one is facility"},
	} {
		_, err := ParseLogTarget(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Parse(%q) says %v; want %q in it", c.text, err, c.want)
		}
	}
}
