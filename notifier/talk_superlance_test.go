package notifier

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dcousineau/phorever/actors/event"
)

// heard is an event as a listener of supervisord reads it: "key:value" words, then as many bytes as the header says, of which the first
// line is such words again.
type heard struct{ header, process map[string]string }

func hearAsAListener(t *testing.T, sent []byte) (h heard, rest []byte) {
	t.Helper()
	words := func(line string) map[string]string {
		all := map[string]string{}
		for _, word := range strings.Fields(line) {
			key, value, ok := strings.Cut(word, ":")
			if !ok || strings.Contains(value, ":") {
				t.Fatalf("%q is no word of the protocol", word)
			}
			all[key] = value
		}
		return all
	}
	line, rest, ok := bytes.Cut(sent, []byte("\n"))
	h.header = words(string(line))
	size, err := strconv.Atoi(h.header["len"])
	if !ok || err != nil || size > len(rest) {
		t.Fatalf("%q: %v", sent, err)
	}
	first, _, _ := strings.Cut(string(rest[:size])+"\n", "\n")
	h.process = words(first)
	return h, rest[size:]
}

// The listeners of superlance as their documentation has them: what each does with an event.
var superlance = map[string]func(h heard, batch *[]string) string{
	"crashmail": func(h heard, _ *[]string) string { // mails each unexpected exit
		if h.header["eventname"] == "PROCESS_STATE_EXITED" && h.process["expected"] == "0" {
			return fmt.Sprintf("mail: %s in group %s exited, pid %s, from %s", h.process["processname"], h.process["groupname"], h.process["pid"], h.process["from_state"])
		}
		return ""
	},
	"crashmailbatch": func(h heard, batch *[]string) string { // gathers them until the next minute
		return inBatches(h, batch, h.header["eventname"] == "PROCESS_STATE_EXITED" && h.process["expected"] == "0")
	},
	"fatalmailbatch": func(h heard, batch *[]string) string { // what was given up
		return inBatches(h, batch, h.header["eventname"] == "PROCESS_STATE_FATAL")
	},
	"memmon, httpok": func(h heard, _ *[]string) string { // look at every tick
		if strings.HasPrefix(h.header["eventname"], "TICK") {
			return "looks"
		}
		return ""
	},
}

func inBatches(h heard, batch *[]string, gathers bool) string {
	switch {
	case gathers:
		*batch = append(*batch, h.process["groupname"]+":"+h.process["processname"])
	case h.header["eventname"] == "TICK_60" && len(*batch) > 0:
		all := "mail: " + strings.Join(*batch, ", ")
		*batch = nil
		return all
	}
	return ""
}

// What superlance documents of its listeners comes of our events: each reads one, does what it is for, and says that it is done.
func TestTheListenersOfSuperlance(t *testing.T) {
	records := []event.Record{
		{Event: "role.started", Role: "night shift"},
		{Event: "process.started", Process: "web:1", Run: 1, Pid: 7},
		{Event: "process.ready", Process: "web:1", Run: 1, Pid: 7},
		{Event: "process.exited", Process: "web:1", Pid: 7, Severity: event.Warning},
		{Event: "process.restart_scheduled", Process: "web:1", Run: 1},
		{Event: "process.exited", Process: "job:1", Pid: 8, Severity: event.Info},
		{Event: "process.exited", Process: "web:2", Pid: 9, Severity: event.Warning},
		{Event: "process.gave_up", Process: "web:2"},
		{Event: "tick.5", Time: start}, {Event: "tick.60", Time: start}, {Event: "tick.60", Time: start},
	}
	for name, want := range map[string][]string{
		"crashmail":      {"mail: web in group web exited, pid 7, from RUNNING", "mail: web_02 in group web exited, pid 9, from RUNNING"},
		"crashmailbatch": {"mail: web:web, web:web_02"},
		"fatalmailbatch": {"mail: web:web_02"},
		"memmon, httpok": {"looks", "looks", "looks"},
	} {
		talk := NewTalk("supervisor", name)
		var did, batch []string
		for i, r := range records {
			if ready, err := talk.Hear([]byte("READY\n")); err != nil || !slices.Equal(ready, []Said{Ready}) {
				t.Fatalf("%s: %v, %v", name, ready, err)
			}
			h, rest := hearAsAListener(t, talk.Encode(r))
			if len(rest) > 0 || h.header["ver"] != "3.0" || h.header["poolserial"] != fmt.Sprint(i+1) || h.header["pool"] == "" {
				t.Errorf("%s: %+v, and %q behind it", name, h, rest)
			}
			if one := superlance[name](h, &batch); one != "" {
				did = append(did, one)
			}
			if done, err := talk.Hear([]byte("RESULT 2\nOK")); err != nil || !slices.Equal(done, []Said{Done}) {
				t.Fatalf("%s: %v, %v", name, done, err)
			}
		}
		if !slices.Equal(did, want) {
			t.Errorf("%s does %q, want %q", name, did, want)
		}
	}
}
