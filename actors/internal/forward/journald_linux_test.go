package forward

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallWindow has the connections of a listener take little that is not read.
func smallWindow(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 2048) }

func TestJournaldGetsLongMessagesByAFile(t *testing.T) {
	path := socketIn(t)
	server, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	f := begin(t, "journald://"+path, Options{})
	long := strings.Repeat("z", 900<<10)
	texts := []string{"short", "with \x00 and \xff", long, "after"}
	f.Offer(web, noon, []byte(strings.Join(texts, "\n")))
	data, control := make([]byte, 1<<20), make([]byte, 1000)
	for _, want := range texts {
		_ = server.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, rights, _, _, err := server.ReadMsgUnix(data, control)
		if err != nil {
			t.Fatal(err)
		}
		entry := data[:n]
		if rights > 0 {
			if n != 0 {
				t.Errorf("%d bytes come with the file, want none", n)
			}
			entry = sealed(t, control[:rights])
		}
		if byFile := rights > 0; byFile != (want == long) {
			t.Errorf("a message of %d bytes comes by a file: %v", len(want), byFile)
		}
		fields, err := parseEntry(entry)
		if err != nil || fields["MESSAGE"] != want || fields["PHOREVER_CLONE"] != "2" || fields["PRIORITY"] != "6" {
			t.Errorf("the entry is %d bytes, %v; want those of %.20q", len(entry), err, want)
		}
	}
	f.Close(5 * time.Second)
	wantCounts(t, f, 4, 0)
}

// sealed reads a file that was sent, as far as journald would take it.
func sealed(t *testing.T, control []byte) []byte {
	t.Helper()
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d control messages, %v", len(messages), err)
	}
	rights, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(rights) != 1 {
		t.Fatalf("%d descriptors, %v", len(rights), err)
	}
	file := os.NewFile(uintptr(rights[0]), "sent")
	defer file.Close()
	seals, err := unix.FcntlInt(file.Fd(), unix.F_GET_SEALS, 0)
	if want := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL; err != nil || seals != want {
		t.Errorf("seals are %x, %v; want %x", seals, err, want)
	}
	data, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<30))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheFlagsOfThePipeStayAsTheyAre(t *testing.T) {
	r, w := pipe(t)
	before, err := unix.FcntlInt(w.Fd(), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := begin(t, "stdout", Options{Stdout: w})
	f.Offer(web, noon, []byte("x\n"))
	if line := readLine(t, r); line != "web:2 | x\n" {
		t.Errorf("read %q", line)
	}
	if after, err := unix.FcntlInt(w.Fd(), unix.F_GETFL, 0); err != nil || after != before {
		t.Errorf("flags are %x, %v; want %x", after, err, before)
	}
}
