package forward

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func wantMessages(t *testing.T, messages <-chan string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		got := soon(t, number(i), messages)
		if m, err := parseMessage(got); err != nil || m.text != number(i) {
			t.Fatalf("message is %q, %v; want %q", got, err, number(i))
		}
	}
}

func TestSyslogOverUDP(t *testing.T) {
	address, messages := packetServer(t, "udp", "127.0.0.1:0")
	f := begin(t, "syslog+udp://"+address, Options{Host: "box"})
	offerNumbers(f, 0, 50)
	wantMessages(t, messages, 0, 50)
	f.Offer(web, noon, []byte(strings.Repeat("ä", 50000)+"\n"))
	got := soon(t, "the long one", messages)
	if m, err := parseMessage(got); err != nil || len(got) > mostUDP || len(got) < mostUDP-4 || !strings.HasSuffix(m.text, "ä"+cutMarker) {
		t.Errorf("a long message comes as %d bytes that end with %q, %v", len(got), got[len(got)-20:], err)
	}
	f.Close(5 * time.Second)
	wantCounts(t, f, 51, 0)
}

func TestSyslogOverUnixDatagrams(t *testing.T) {
	path := socketIn(t)
	_, messages := packetServer(t, "unixgram", path)
	f := begin(t, "syslog://"+path, Options{})
	offerNumbers(f, 0, 500)
	wantMessages(t, messages, 0, 500)
	// More than the kernel takes is cut until it does.
	f.Offer(web, noon, []byte(strings.Repeat("y", 900<<10)+"\nnext\n"))
	got := soon(t, "the long one", messages)
	if m, err := parseMessage(got); err != nil || len(got) < 2<<10 || !strings.HasSuffix(m.text, "y"+cutMarker) {
		t.Errorf("a long message comes as %d bytes, %v", len(got), err)
	}
	if m, err := parseMessage(soon(t, "the next", messages)); err != nil || m.text != "next" {
		t.Errorf("then comes %q, %v", m.text, err)
	}
	f.Close(5 * time.Second)
	wantCounts(t, f, 502, 0)
}

func TestASlowReaderOfDatagramsGetsAll(t *testing.T) {
	path := socketIn(t)
	conn, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	heard := newNotes()
	f := begin(t, "syslog://"+path, Options{Hear: heard.hear})
	offerNumbers(f, 0, 2000)
	failing, next := await[Failing](t, heard, 0) // nobody reads, and its socket is full
	if !os.IsTimeout(failing.Err) {
		t.Errorf("it failed with %v, want that it took too long", failing.Err)
	}
	buffer := make([]byte, 1000)
	for i := range 2000 {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, _, err := conn.ReadFrom(buffer)
		if m, wrong := parseMessage(string(buffer[:n])); err != nil || wrong != nil || m.text != number(i) {
			t.Fatalf("message %d is %q, %v, %v", i, buffer[:n], err, wrong)
		}
	}
	await[Working](t, heard, next)
	f.Close(5 * time.Second)
	wantCounts(t, f, 2000, 0)
}

func TestAUnixSocketThatIsReplacedIsFoundAgain(t *testing.T) {
	path := socketIn(t)
	conn, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	heard := newNotes()
	f := begin(t, "syslog://"+path, Options{Hear: heard.hear})
	offerNumbers(f, 0, 1)
	if _, _, err := conn.ReadFrom(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	offerNumbers(f, 1, 100)
	await[Failing](t, heard, 0)
	os.Remove(path)
	l, err := net.Listen("unix", path) // of the other kind, even
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := accept(t, l)
	for i := 1; i < 100; i++ {
		line, err := p.ReadString('\n')
		if m, wrong := parseMessage(strings.TrimSuffix(line, "\n")); err != nil || wrong != nil || m.text != number(i) {
			t.Fatalf("message %d is %q, %v, %v", i, line, err, wrong)
		}
	}
	f.Close(5 * time.Second)
	wantCounts(t, f, 100, 0)
}
