package spec

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/sys/unix"
)

// Signal is a signal's name without SIG: "TERM". ParseSignal makes one.
type Signal string

// signalAliases are second names of signals.
var signalAliases = map[string]Signal{"CLD": "CHLD", "IOT": "ABRT", "POLL": "IO"}

// lastClassic is the highest signal that has a name of its own.
const lastClassic = 31

// ParseSignal reads a signal's name, with or without SIG, in any case. On Linux that includes RTMIN+3 and RTMAX-1.
func ParseSignal(name string) (Signal, error) {
	word := strings.TrimPrefix(strings.ToUpper(name), "SIG")
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		word = "" // some letters of other scripts have an S as their capital
	}
	if alias, ok := signalAliases[word]; ok {
		return alias, nil
	}
	if unix.SignalNum("SIG"+word) != 0 {
		return Signal(word), nil
	}
	if number := realtimeNumber(word); number != 0 {
		return Signal(strings.TrimPrefix(SignalName(number), "SIG")), nil
	}
	if number, err := strconv.Atoi(name); err == nil {
		if known := unix.SignalName(syscall.Signal(number)); known != "" {
			return "", fmt.Errorf("a signal is written by name, because numbers differ between systems: %q instead of %s", strings.TrimPrefix(known, "SIG"), name)
		}
		return "", fmt.Errorf(`a signal is written by name, such as "TERM" (got %s)`, name)
	}
	if near := Nearest(word, SignalNames()); len(near) > 0 {
		return "", fmt.Errorf("unknown signal %q; did you mean %s?", name, quotedWords(near))
	}
	return "", fmt.Errorf(`unknown signal %q; names are TERM, INT, HUP, QUIT, USR1, USR2, …`, name)
}

// quotedWords is a list of quoted words: "TERM", "TRAP" or "TSTP".
func quotedWords(words []string) string {
	var b strings.Builder
	for i, word := range words {
		switch {
		case i > 0 && i == len(words)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(word))
	}
	return b.String()
}

// SignalNames are the names of this system's signals without SIG, by number; realtime signals are not among them.
func SignalNames() []string {
	var names []string
	for n := syscall.Signal(1); n <= lastClassic; n++ {
		if name := unix.SignalName(n); name != "" {
			names = append(names, strings.TrimPrefix(name, "SIG"))
		}
	}
	return names
}

// Number is the signal's number on this system; 0 for a name that ParseSignal would refuse.
func (s Signal) Number() syscall.Signal {
	if number := unix.SignalNum("SIG" + string(s)); number != 0 {
		return number
	}
	return realtimeNumber(string(s))
}

// SignalName is how everything of ours calls a signal: "SIGKILL", for realtime signals "SIGRTMIN+3", and "SIG55" for
// one that this system has no name for.
func SignalName(n syscall.Signal) string {
	if name := unix.SignalName(n); name != "" {
		return name
	}
	switch {
	case firstRealtime == 0 || n < firstRealtime || n > lastRealtime:
		return "SIG" + strconv.Itoa(int(n))
	case n == firstRealtime:
		return "SIGRTMIN"
	}
	return "SIGRTMIN+" + strconv.Itoa(int(n-firstRealtime))
}

// realtimeNumber is the number of RTMIN, RTMIN+n, RTMAX-n and RTMAX; 0 for anything else.
func realtimeNumber(word string) syscall.Signal {
	if firstRealtime == 0 {
		return 0
	}
	base, sign := syscall.Signal(firstRealtime), "+"
	rest, ok := strings.CutPrefix(word, "RTMIN")
	if !ok {
		base, sign = lastRealtime, "-"
		if rest, ok = strings.CutPrefix(word, "RTMAX"); !ok {
			return 0
		}
	}
	if rest == "" {
		return base
	}
	count, ok := strings.CutPrefix(rest, sign)
	n, err := strconv.ParseUint(count, 10, 8)
	if !ok || err != nil || !digits(count) || n > lastRealtime-firstRealtime {
		return 0
	}
	if sign == "-" {
		return base - syscall.Signal(n)
	}
	return base + syscall.Signal(n)
}
