package forward

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// peer is one connection that a test's server accepted.
type peer struct {
	t *testing.T
	*bufio.Reader
	net.Conn
}

func (p *peer) Read(b []byte) (int, error) { return p.Reader.Read(b) }

// message reads one by octet counting, and gives its text.
func (p *peer) message() (string, error) {
	_ = p.SetReadDeadline(time.Now().Add(10 * time.Second))
	length, err := p.ReadString(' ')
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, " "))
	if err != nil {
		return "", err
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(p.Reader, data); err != nil {
		return "", err
	}
	m, err := parseMessage(string(data))
	return m.text, err
}

func (p *peer) want(texts ...string) {
	p.t.Helper()
	for _, want := range texts {
		if got, err := p.message(); err != nil || got != want {
			p.t.Fatalf("message is %q, %v; want %q", got, err, want)
		}
	}
}

func (p *peer) wantNumbers(from, to int) {
	p.t.Helper()
	for i := from; i < to; i++ {
		p.want(number(i))
	}
}

func number(i int) string { return fmt.Sprintf("line %d", i) }

func offerNumbers(f *Forwarder, from, to int) {
	for i := from; i < to; i++ {
		f.Offer(web, noon, []byte(number(i)+"\n"))
	}
}

func listen(t *testing.T, address string) (where string, server *net.TCPListener) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String(), l.(*net.TCPListener)
}

func accept(t *testing.T, l net.Listener) *peer {
	t.Helper()
	if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
		_ = d.SetDeadline(time.Now().Add(10 * time.Second))
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &peer{t, bufio.NewReader(c), c}
}

func TestTCPMessagesArriveInOrder(t *testing.T) {
	address, l := listen(t, "127.0.0.1:0")
	f := begin(t, "syslog+tcp://"+address, Options{Host: "box"})
	f.Offer(web, noon, []byte("a\n\nb\nno end"))
	p := accept(t, l)
	p.want("a", "", "b", "no end")
	offerNumbers(f, 0, 5000)
	p.wantNumbers(0, 5000)
	f.Close(5 * time.Second)
	wantCounts(t, f, 5004, 0)
	if _, err := p.message(); err != io.EOF {
		t.Errorf("after Close the connection ends with %v, want EOF", err)
	}
	f.Offer(web, noon, []byte("late\n"))
	wantCounts(t, f, 5004, 1)
}

func TestTCPMessagesThatAreTooLongAreCut(t *testing.T) {
	address, l := listen(t, "127.0.0.1:0")
	f := begin(t, "syslog+tcp://"+address, Options{Host: "box"})
	f.Offer(web, noon, []byte(strings.Repeat("ä", 150000)+"\nnext\n"))
	p := accept(t, l)
	got, err := p.message()
	if err != nil || len(got) > mostStream || len(got) < mostStream-200 || !strings.HasSuffix(got, "ä"+cutMarker) {
		t.Errorf("a long message comes as %d bytes, %v", len(got), err)
	}
	p.want("next")
	f.Close(5 * time.Second)
	wantCounts(t, f, 2, 0)
}

func TestARestartedTCPServerMissesNothing(t *testing.T) {
	address, l := listen(t, "127.0.0.1:0")
	heard := newNotes()
	f := begin(t, "syslog+tcp://"+address, Options{Hear: heard.hear})
	offerNumbers(f, 0, 100)
	p := accept(t, l)
	p.wantNumbers(0, 100)
	p.Close()
	l.Close()
	offerNumbers(f, 100, 200)
	_, next := await[Failing](t, heard, 0)
	offerNumbers(f, 200, 300)
	_, l = listen(t, address)
	p = accept(t, l)
	p.wantNumbers(100, 300)
	if w, _ := await[Working](t, heard, next); w.Dropped != 0 || w.To.Before(w.From) {
		t.Errorf("heard %+v, want nothing dropped", w)
	}
	f.Close(5 * time.Second)
	wantCounts(t, f, 300, 0)
}

func TestAMessageThatWasTornIsSentAgainWhole(t *testing.T) {
	address, l := listen(t, "127.0.0.1:0")
	f := begin(t, "syslog+tcp://"+address, Options{Buffer: 16 << 20})
	const lines = 200 // more than the buffers of both sides
	long := func(i int) string { return strings.Repeat(number(i)+" ", 6000) }
	for i := range lines {
		f.Offer(web, noon, []byte(long(i)+"\n"))
	}
	p := accept(t, l)
	p.want(long(0))
	if _, err := io.CopyN(io.Discard, p.Reader, 100<<10); err != nil {
		t.Fatal(err)
	}
	p.Close()
	p = accept(t, l)
	first, err := p.message()
	if err != nil {
		t.Fatal(err)
	}
	var from int
	if _, err := fmt.Sscanf(first, "line %d ", &from); err != nil || first != long(from) {
		t.Fatalf("the next connection begins with %d bytes of %.20q, %v; want a whole message", len(first), first, err)
	}
	for i := from + 1; i < lines; i++ {
		p.want(long(i))
	}
	f.Close(5 * time.Second)
	wantCounts(t, f, lines, 0)
}

func TestWhatThePeerDidNotAcknowledgeIsSentAgain(t *testing.T) {
	if !acknowledges {
		t.Skip("only Linux says what was acknowledged")
	}
	address, l := listen(t, "127.0.0.1:0")
	raw, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) { smallWindow(fd) })
	f := begin(t, "syslog+tcp://"+address, Options{})
	const lines = 1000
	offerNumbers(f, 0, lines)
	p := accept(t, l)
	for sent, _ := f.Counts(); sent < lines; sent, _ = f.Counts() {
		runtime.Gosched() // the peer's kernel takes a few, ours keeps the others
	}
	_ = p.Conn.(*net.TCPConn).SetLinger(0)
	p.Close()
	p = accept(t, l)
	text, err := p.message()
	first := 0
	if n, _ := fmt.Sscanf(text, "line %d", &first); err != nil || n != 1 || first == lines-1 {
		t.Fatalf("after the reset comes %q, %v; want what was not acknowledged", text, err)
	}
	p.wantNumbers(first+1, lines)
	f.Close(5 * time.Second)
	wantCounts(t, f, lines, 0)
}

func TestAPeerThatNeverReadsHoldsNobodyUp(t *testing.T) {
	address, l := listen(t, "127.0.0.1:0")
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		var held []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			held = append(held, c)
		}
		for _, c := range held {
			c.Close()
		}
	}()
	heard := newNotes()
	f := begin(t, "syslog+tcp://"+address, Options{Buffer: 64 << 10, Hear: heard.hear})
	line := []byte(strings.Repeat("x", 99) + "\n")
	offered := int64(0)
	slowest := time.Duration(0)
	for begin := time.Now(); time.Since(begin) < time.Second; offered++ {
		before := time.Now()
		f.Offer(web, noon, line)
		slowest = max(slowest, time.Since(before))
	}
	if slowest > time.Second { // a busy machine may take some from us; whoever waits for that peer waits for ever
		t.Errorf("Offer took %s", slowest)
	}
	if len(f.queue.ring) != 64<<10 {
		t.Errorf("the buffer is %d bytes", len(f.queue.ring))
	}
	d, _ := await[Dropping](t, heard, 0)
	if d.Why == nil || d.At.IsZero() {
		t.Errorf("heard %+v, want a reason and a time", d)
	}
	before := time.Now()
	f.Close(200 * time.Millisecond)
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("Close took %s", took)
	}
	if sent, dropped := f.Counts(); sent+dropped != offered || dropped == 0 {
		t.Errorf("sent %d and dropped %d of %d", sent, dropped, offered)
	}
	l.Close()
	soon(t, "the end of the server", accepted)
}

func TestLinesWaitForATargetThatIsNotThere(t *testing.T) {
	address, l := listen(t, "127.0.0.1:0")
	l.Close()
	heard := newNotes()
	f := begin(t, "syslog+tcp://"+address, Options{Buffer: 4096, Hear: heard.hear})
	offerNumbers(f, 0, 10)
	failing, _ := await[Failing](t, heard, 0)
	if !strings.Contains(fmt.Sprint(failing.Err), "refused") || failing.Target.String() != "syslog+tcp://"+address {
		t.Errorf("heard %+v, want that the connection was refused", failing)
	}
	offerNumbers(f, 10, 1000)
	dropping, next := await[Dropping](t, heard, 0)
	_, dropped := f.Counts()
	_, l = listen(t, address)
	p := accept(t, l)
	p.wantNumbers(0, 1000-int(dropped)) // the newest were dropped, in one hole
	working, _ := await[Working](t, heard, next)
	if working.Dropped != dropped || dropped == 0 || dropping.At.Before(working.From) || working.To.Before(dropping.At) {
		t.Errorf("heard %+v and %+v, want %d lines dropped", dropping, working, dropped)
	}
	if !strings.Contains(fmt.Sprint(working.Why), "refused") {
		t.Errorf("lines were dropped because of %v, want that the connection was refused", working.Why)
	}
	offerNumbers(f, 5000, 5001)
	p.want(number(5000))
	f.Close(5 * time.Second)
	wantCounts(t, f, 1001-dropped, dropped)
}

func TestCloseCountsWhatNobodyTook(t *testing.T) {
	f := begin(t, "syslog://"+filepath.Join(t.TempDir(), "absent"), Options{})
	offerNumbers(f, 0, 10)
	begin := time.Now()
	f.Close(100 * time.Millisecond)
	f.Close(100 * time.Millisecond)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("Close took %s", took)
	}
	wantCounts(t, f, 0, 10)
}

func TestSyslogOverAUnixStream(t *testing.T) {
	path := socketIn(t)
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f := begin(t, "syslog://"+path+"?facility=local0", Options{})
	offerNumbers(f, 0, 100)
	p := accept(t, l)
	for i := range 100 {
		line, err := p.ReadString('\n')
		m, wrong := parseMessage(strings.TrimSuffix(line, "\n"))
		if err != nil || wrong != nil || m.text != number(i) || m.priority != 16*8+6 {
			t.Fatalf("message %d is %q, %v, %v", i, line, err, wrong)
		}
	}
	f.Close(5 * time.Second)
	wantCounts(t, f, 100, 0)
}
