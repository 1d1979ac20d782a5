package notifier

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/dcousineau/phorever/actors/event"
)

func TestWhatSupervisordsListenersAreTold(t *testing.T) {
	talk := NewTalk("supervisor", "mine")
	for _, c := range []struct {
		record event.Record
		want   string
	}{
		{event.Record{Event: "process.exited", Process: "web:2", Pid: 7, Severity: event.Warning},
			"ver:3.0 server:phorever serial:1 pool:mine poolserial:1 eventname:PROCESS_STATE_EXITED len:71\nprocessname:web_02 groupname:web from_state:RUNNING expected:0 pid:7"},
		{event.Record{Event: "process.gave_up", Process: "web:1"},
			"ver:3.0 server:phorever serial:2 pool:mine poolserial:2 eventname:PROCESS_STATE_FATAL len:56\nprocessname:web groupname:web from_state:BACKOFF"},
		{event.Record{Event: "tick.60", Time: start}, "ver:3.0 server:phorever serial:3 pool:mine poolserial:3 eventname:TICK_60 len:15\nwhen:1772366400"},
		{event.Record{Event: "daemon.stopping"}, "ver:3.0 server:phorever serial:4 pool:mine poolserial:4 eventname:SUPERVISOR_STATE_CHANGE_STOPPING len:0\n"},
		{event.Record{Event: "config.applied"}, ""},
	} {
		got := string(talk.Encode(c.record))
		header, payload, _ := strings.Cut(got, "\n")
		if want, text, _ := strings.Cut(c.want, "\n"); payload != text || strings.Split(header, "len:")[0] != strings.Split(want, "len:")[0] {
			t.Errorf("%s: got %q", c.record.Event, got)
		}
	}
}

func TestWhatListenersSay(t *testing.T) {
	for _, c := range []struct {
		said    string
		want    []Said
		refused bool
	}{
		{"READY\n", []Said{Ready}, false},
		{"READY\nRESULT 2\nOKREADY\n", []Said{Ready, Done, Ready}, false},
		{"READY\nRESULT 4\nFAIL", []Said{Ready, Failed}, false},
		{"RESULT 0\n", []Said{Failed}, false},
		{"hello\n", nil, true},
		{"READY\nRESULT two\n", []Said{Ready}, true},
		{"RESULT 99999999999999999999999\n", nil, true},
	} {
		for _, whole := range []bool{true, false} { // and byte by byte
			talk := NewTalk("supervisor", "mine")
			pieces := [][]byte{[]byte(c.said)}
			if !whole {
				pieces = nil
				for _, one := range []byte(c.said) {
					pieces = append(pieces, []byte{one})
				}
			}
			var got []Said
			var err error
			for _, piece := range pieces {
				var some []Said
				if some, err = talk.Hear(piece); err != nil {
					got = append(got, some...)
					break
				}
				got = append(got, some...)
			}
			if !slices.Equal(got, c.want) || (err != nil) != c.refused {
				t.Errorf("%q: got %v, %v", c.said, got, err)
			}
		}
	}
}

// FuzzHear: whatever comes in whatever pieces, the answer is the same, and memory is bounded.
func FuzzHear(f *testing.F) {
	f.Add([]byte("READY\nRESULT 2\nOKREADY\nRESULT 4\nFAIL"), 3)
	f.Add([]byte("RESULT \n"), 1)
	f.Fuzz(func(t *testing.T, said []byte, size int) {
		size = max(1, min(size, 64))
		once, parts := NewTalk("supervisor", "x"), NewTalk("supervisor", "x")
		want, wantErr := once.Hear(bytes.Clone(said))
		var got []Said
		var err error
		for piece := range slices.Chunk(said, size) {
			var some []Said
			some, err = parts.Hear(piece)
			if got = append(got, some...); err != nil {
				break
			}
		}
		if !slices.Equal(got, want) || (err == nil) != (wantErr == nil) {
			t.Errorf("at once %v, %v; in pieces %v, %v", want, wantErr, got, err)
		}
	})
}
