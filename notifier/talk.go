package notifier

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dcousineau/phorever/actors/event"
)

// Talk is how a listener is spoken to: what it is sent for an event, and what it answers. Not safe for concurrent use.
type Talk interface {
	// Encode is an event as it is sent, nil for one that has no form in this protocol.
	Encode(r event.Record) []byte
	// Answers says whether the listener has to be asked: it says when it is ready, and how it went.
	Answers() bool
	// Hear takes what the listener has said. What follows from it comes in order; an error is that of a listener which does not keep to the protocol.
	Hear(said []byte) ([]Said, error)
}

// Said is what a listener has said.
type Said int

// What a listener says.
const (
	Ready  Said = iota // for one event
	Done               // with it
	Failed             // it wants it again
)

// NewTalk makes the protocol of a name: "json" or "supervisor". pool is the name of the listener.
func NewTalk(protocol, pool string) Talk {
	if protocol == "supervisor" {
		return &supervisorTalk{pool: word(pool)}
	}
	return jsonTalk{}
}

// jsonTalk is an event a line.
type jsonTalk struct{}

// Encode is the event as `events --json` prints it.
func (jsonTalk) Encode(r event.Record) []byte {
	text, err := json.Marshal(r)
	if err != nil {
		return nil
	}
	return append(text, '\n')
}

// Answers is false: whoever reads is ready.
func (jsonTalk) Answers() bool { return false }

// Hear is never called.
func (jsonTalk) Hear([]byte) ([]Said, error) { return nil, nil }

// supervisorTalk is the event listener protocol of supervisord, as its documentation has it (version 3.0).
type supervisorTalk struct {
	pool       string
	serial     int
	unread     []byte
	resultLeft int  // of a result, its bytes
	inResult   bool // the bytes of a result come
}

// Answers is true: a listener says READY before each event, and RESULT after it.
func (*supervisorTalk) Answers() bool { return true }

// supervisorNames are events as supervisord calls them, with the state before.
var supervisorNames = map[string]struct{ name, from string }{
	"process.started":           {"PROCESS_STATE_STARTING", "STOPPED"},
	"process.ready":             {"PROCESS_STATE_RUNNING", "STARTING"},
	"process.exited":            {"PROCESS_STATE_EXITED", "RUNNING"},
	"process.restart_scheduled": {"PROCESS_STATE_BACKOFF", "STARTING"},
	"process.gave_up":           {"PROCESS_STATE_FATAL", "BACKOFF"},
	"process.stopped":           {"PROCESS_STATE_STOPPED", "STOPPING"},
	"daemon.started":            {"SUPERVISOR_STATE_CHANGE_RUNNING", ""},
	"daemon.recovered":          {"SUPERVISOR_STATE_CHANGE_RUNNING", ""},
	"daemon.upgraded":           {"SUPERVISOR_STATE_CHANGE_RUNNING", ""},
	"daemon.stopping":           {"SUPERVISOR_STATE_CHANGE_STOPPING", ""},
	"role.started":              {"PROCESS_GROUP_ADDED", ""},
	"role.stopped":              {"PROCESS_GROUP_REMOVED", ""},
	"tick.5":                    {"TICK_5", ""},
	"tick.60":                   {"TICK_60", ""},
	"tick.3600":                 {"TICK_3600", ""},
}

// Encode is a header line and a payload, which the header measures.
func (t *supervisorTalk) Encode(r event.Record) []byte {
	known, ok := supervisorNames[r.Event]
	if !ok {
		return nil
	}
	t.serial++
	payload := supervisorPayload(known.from, r)
	return fmt.Appendf(nil, "ver:3.0 server:phorever serial:%d pool:%s poolserial:%d eventname:%s len:%d\n%s", t.serial, t.pool, t.serial, known.name, len(payload), payload)
}

// word is a name as one word of the protocol: a space would end it.
func word(name string) string { return strings.Join(strings.Fields(name), "_") }

func supervisorPayload(from string, r event.Record) string {
	switch {
	case strings.HasPrefix(r.Event, "tick."):
		return fmt.Sprintf("when:%d", r.Time.Unix())
	case strings.HasPrefix(r.Event, "role."):
		return "groupname:" + word(r.Role) + "\n"
	case from == "":
		return ""
	}
	group, number := r.Process.Split()
	name := group // a colon would end a value
	if number > 1 {
		name = fmt.Sprintf("%s_%02d", group, number)
	}
	text := fmt.Sprintf("processname:%s groupname:%s from_state:%s", name, group, from)
	switch r.Event {
	case "process.exited":
		expected := 1
		if r.Severity != event.Info {
			expected = 0
		}
		text += fmt.Sprintf(" expected:%d pid:%d", expected, r.Pid)
	case "process.ready", "process.stopped":
		text += fmt.Sprintf(" pid:%d", r.Pid)
	case "process.started", "process.restart_scheduled":
		text += fmt.Sprintf(" tries:%d", max(r.Run-1, 0))
	}
	return text
}

const (
	readyToken = "READY\n"
	resultWord = "RESULT "
	// longestResult bounds what a listener may say, in bytes.
	longestResult = 1 << 20
)

// Hear reads READY and RESULT.
func (t *supervisorTalk) Hear(said []byte) (all []Said, err error) {
	t.unread = append(t.unread, said...)
	for {
		if t.inResult {
			if len(t.unread) < t.resultLeft {
				return all, nil
			}
			result := t.unread[:t.resultLeft]
			t.unread, t.inResult = t.unread[t.resultLeft:], false
			if bytes.Equal(result, []byte("OK")) {
				all = append(all, Done)
			} else { // FAIL, or anything else, which supervisord takes for it
				all = append(all, Failed)
			}
			continue
		}
		switch rest := t.unread; {
		case len(rest) == 0:
			return all, nil
		case bytes.HasPrefix(rest, []byte(readyToken)):
			t.unread = rest[len(readyToken):]
			all = append(all, Ready)
		case bytes.HasPrefix(rest, []byte(resultWord)):
			line, after, whole := bytes.Cut(rest[len(resultWord):], []byte("\n"))
			if !whole && len(line) < 20 {
				return all, nil
			}
			n, err := strconv.Atoi(string(line))
			if err != nil || n < 0 || n > longestResult {
				return all, fmt.Errorf("it said RESULT %.20q, which is no length", line)
			}
			t.unread, t.resultLeft, t.inResult = after, n, true
		case bytes.HasPrefix([]byte(readyToken), rest), bytes.HasPrefix([]byte(resultWord), rest):
			return all, nil // the beginning of one
		default:
			return all, errors.New("it said what is neither READY nor RESULT: " + strconv.Quote(string(rest[:min(len(rest), 40)])))
		}
	}
}
