package keeper

import (
	"reflect"
	"strings"
	"testing"
)

func TestMessagesArriveAsTheyWereSent(t *testing.T) {
	var waiting []message
	for i := range 3000 {
		waiting = append(waiting, message{word: add, texts: []string{"web:1#" + strings.Repeat("7", i%40)}, numbers: []int64{int64(i), -int64(i)}, file: -1})
	}
	waiting[1700].file = 5
	sent, datagrams := waiting, 0
	for len(sent) > 0 {
		data, n, file := pack(sent)
		if len(data) > mostBytes {
			t.Fatalf("a datagram of %d bytes", len(data))
		}
		got, err := parse(data)
		if err != nil || len(got) != n {
			t.Fatalf("%d messages, want %d: %v", len(got), n, err)
		}
		if file >= 0 {
			if n != 1 {
				t.Fatalf("a descriptor travels with %d messages", n)
			}
			got[0].file = file
		}
		if !reflect.DeepEqual(got, sent[:n]) {
			t.Fatalf("got %+v", got)
		}
		sent, datagrams = sent[n:], datagrams+1
	}
	if datagrams > 8 {
		t.Errorf("%d datagrams", datagrams)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(message{word: exit, texts: []string{"web:1#1"}, numbers: []int64{0, 9, 1, 0}, file: -1}.append(nil))
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parse(data)
		var again []byte
		for _, m := range all {
			again = m.append(again)
		}
		if second, err2 := parse(again); err == nil && (err2 != nil || !reflect.DeepEqual(all, second)) {
			t.Errorf("%+v is %+v the second time: %v", all, second, err2)
		}
	})
}

func TestAnOrderIsReadAsItWasWritten(t *testing.T) {
	o := Fresh("phorever", "/usr/bin/phorever", "/srv/app", []string{"start", "--config=/srv/app/phorever.json", "--", "web"})
	o.Ready = 3
	argv := o.Argv()
	got, err := ParseOrder(argv[0], argv[2:])
	if err != nil || !reflect.DeepEqual(got, o) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, wrong := range [][]string{nil, {"--program=x"}, {"--ready=x", "--program=y", "--", "start"}, {"--bogus", "--", "start"}} {
		if _, err := ParseOrder("phorever", wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
