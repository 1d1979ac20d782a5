package spec

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// LogTarget is where lines of processes go besides their file. Two that are equal go to the same place in the same way.
type LogTarget struct {
	Scheme   string
	Address  string // a path, or a host and a port
	Facility int    // of syslog
}

// The schemes of targets.
const (
	TargetSyslog    = "syslog" // a socket of the machine
	TargetSyslogUDP = "syslog+udp"
	TargetSyslogTCP = "syslog+tcp"
	TargetJournald  = "journald"
	TargetStdout    = "stdout"
	TargetStderr    = "stderr"
)

// longestSocket is how long the path of a socket may be, in bytes: a little less than on any system.
const longestSocket = 103

const allowed = `allowed are "syslog", "syslog:///dev/log", "syslog+udp://host:514", "syslog+tcp://host:514", ` +
	`"journald", "journald:///path/to/socket", "stdout" and "stderr"`

// places are the sockets of the schemes that have a path, where none is given.
var places = map[string]string{TargetSyslog: "/dev/log", TargetJournald: "/run/systemd/journal/socket"}

// defaultPort is the one of both RFC 5426 and the usual RFC 6587.
const defaultPort = "514"

// facilities are the names of the facilities of syslog, by their number. Those without a common name cannot be chosen.
var facilities = []string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "", "", "", "",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

const defaultFacility = 3

// ParseLogTarget reads a target as it is written in a configuration, such as "syslog+tcp://logs.example.com:514?facility=local0".
func ParseLogTarget(text string) (LogTarget, error) {
	t, err := parseLogTarget(text)
	if err != nil {
		return LogTarget{}, fmt.Errorf("%q: %v", text, err)
	}
	return t, nil
}

func parseLogTarget(text string) (t LogTarget, err error) {
	rest, query, asked := strings.Cut(text, "?")
	scheme, address, located := strings.Cut(rest, "://")
	t.Scheme = scheme
	switch scheme {
	case TargetStdout, TargetStderr:
		if located {
			return t, fmt.Errorf("%s has no address: write %q alone", scheme, scheme)
		}
	case TargetSyslog, TargetJournald:
		t.Address, err = pathOf(address, places[scheme], located)
	case TargetSyslogUDP, TargetSyslogTCP:
		t.Address, err = hostPort(scheme, address)
	case "":
		return t, errors.New("no target: " + allowed)
	default:
		return t, fmt.Errorf("unknown target %q: %s", scheme, allowed)
	}
	if err != nil {
		return t, err
	}
	syslog := scheme == TargetSyslog || scheme == TargetSyslogUDP || scheme == TargetSyslogTCP
	if syslog {
		t.Facility = defaultFacility
	}
	if asked {
		if !syslog {
			return t, fmt.Errorf("%s takes no options: only syslog has a facility", scheme)
		}
		t.Facility, err = facility(query)
	}
	return t, err
}

func pathOf(address, usual string, located bool) (string, error) {
	if !located {
		return usual, nil
	}
	switch {
	case !strings.HasPrefix(address, "/"):
		return "", fmt.Errorf("the path of a socket is absolute: three slashes, as in %q", "://"+usual)
	case strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", errors.New("the path of a socket has no control characters")
	}
	address = path.Clean(address)
	if len(address) > longestSocket {
		return "", fmt.Errorf("the path of a socket has at most %d bytes, not %d", longestSocket, len(address))
	}
	return address, nil
}

func hostPort(scheme, address string) (string, error) {
	example := fmt.Sprintf("%q or %q", scheme+"://logs.example.com:514", scheme+"://[2001:db8::1]:514")
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]"), defaultPort
		if strings.Contains(host, ":") != strings.HasPrefix(address, "[") {
			return "", errors.New("no host and port: it is like " + example)
		}
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", fmt.Errorf("the port %q is no number from 1 to 65535: it is like %s", port, example)
	}
	port = strconv.FormatUint(number, 10)
	if ip, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(ip.String(), port), nil
	}
	strange := func(r rune) bool {
		return !strings.ContainsRune("-._", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if host == "" || strings.ContainsFunc(host, strange) {
		return "", fmt.Errorf("%q is no name or address of a host: it is like %s", host, example)
	}
	return net.JoinHostPort(strings.ToLower(host), port), nil
}

func facility(query string) (int, error) {
	values, err := url.ParseQuery(query)
	if err != nil || len(values) != 1 || len(values["facility"]) != 1 {
		return 0, fmt.Errorf("the options %q: the only one is facility, once, as in %q", query, "?facility=local0")
	}
	name := values.Get("facility")
	i := slices.Index(facilities, name)
	if i < 0 || name == "" {
		named := slices.DeleteFunc(slices.Clone(facilities), func(s string) bool { return s == "" })
		return 0, fmt.Errorf("unknown facility %q: allowed are %s", name, strings.Join(named, ", "))
	}
	return i, nil
}

// String is the target as ParseLogTarget reads it, in one of the ways in which it can be written.
func (t LogTarget) String() string {
	text := t.Scheme
	if t.Address != places[t.Scheme] {
		text += "://" + t.Address
	}
	if t.Scheme != "" && strings.HasPrefix(t.Scheme, TargetSyslog) && t.Facility != defaultFacility {
		text += "?facility=" + facilities[t.Facility]
	}
	return text
}

// forwardKind is one target, several, or false for none.
var forwardKind = &kind{
	name: "target, list of targets, or false", wants: "a target, a list of targets, or false", check: checkForward,
	schema: `{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}},{"const":false}]}`,
}

func checkForward(k *kind, r *report, n *node) {
	switch {
	case n.is(kindString):
		if _, err := parseLogTarget(n.text); err != nil {
			k.refuse(r, n, err.Error())
		}
	case n.is(kindList):
		for _, item := range n.items {
			if !item.is(kindString) {
				k.refuse(r, item, "")
				continue
			}
			checkForward(k, r, item)
		}
	case n.is(kindBool) && n.text == "false":
	default:
		k.refuse(r, n, "")
	}
}

// logTargets are what was checked, each once.
func (n *node) logTargets() (targets []LogTarget) {
	if n == nil {
		return nil
	}
	items := n.items
	if n.is(kindString) {
		items = []*node{n}
	}
	for _, item := range items {
		if t, err := parseLogTarget(item.text); err == nil && !slices.Contains(targets, t) {
			targets = append(targets, t)
		}
	}
	return targets
}
