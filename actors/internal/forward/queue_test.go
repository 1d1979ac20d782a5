package forward

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// A ring is read back as it was offered, whatever goes over its edge.
func TestTheRingKeepsWhatItTakes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	q := newQueue(4096, time.Now)
	type taken struct {
		from Source
		text string
	}
	var want []taken
	var at cursor
	var scratch []byte
	offered := int64(0)
	for round := range 20000 {
		s := Source{Process: strings.Repeat("p", random.IntN(40)), Clone: round, Run: -round, Stream: "stderr", Pid: 1 << 40}
		lines := make([]string, 1+random.IntN(4))
		for i := range lines {
			lines[i] = strings.Repeat("x", random.IntN(1+random.IntN(1200)))
		}
		text := strings.Join(lines, "\n")
		if random.IntN(2) == 0 || lines[len(lines)-1] == "" {
			text += "\n"
		}
		_, before := q.counts()
		q.offer(s, noon, []byte(text))
		_, after := q.counts()
		offered += int64(len(lines))
		for _, line := range lines[:len(lines)-int(after-before)] {
			want = append(want, taken{s, line})
		}
		end, _ := q.state(&at)
		sent := 0
		for range random.IntN(5) {
			line, ok := q.line(&at, end, &scratch)
			if !ok {
				break
			}
			if got := (taken{at.from, string(line)}); got != want[0] || !at.at.Equal(noon) {
				t.Fatalf("round %d: line is %+v, want %+v", round, got, want[0])
			}
			want = want[1:]
			sent++
		}
		q.release(&at, sent, 0)
	}
	if sent, dropped := q.counts(); sent+dropped+int64(len(want)) != offered || dropped == 0 || sent == 0 {
		t.Errorf("sent %d, dropped %d, kept %d of %d", sent, dropped, len(want), offered)
	}
}

func TestWhatIsDroppedIsOneHole(t *testing.T) {
	q := newQueue(4096, time.Now)
	for i := range 100 {
		q.offer(web, noon, fmt.Appendf(nil, "%099d\n", i))
	}
	var at cursor
	var scratch []byte
	end, _ := q.state(&at)
	for i := 0; at.pos < end; i++ {
		q.line(&at, end, &scratch)
		q.release(&at, 1, 0)
		if wantFull := 2*q.used() > 4096; q.full && !wantFull {
			t.Fatal("it drops lines with half of its room free")
		}
	}
	if lines, _, full := q.loss(true); lines == 0 || full {
		t.Errorf("lost %d lines, full: %v", lines, full)
	}
	// A line that is longer than everything does not shut the door.
	q.offer(web, noon, bytes.Repeat([]byte("x"), 5000))
	q.offer(web, noon, []byte("next\n"))
	end, _ = q.state(&at)
	if line, ok := q.line(&at, end, &scratch); !ok || string(line) != "next" {
		t.Errorf("then comes %q, %v; want the next line", line, ok)
	}
}

func TestManyMayOfferAtOnce(t *testing.T) {
	address, messages := packetServer(t, "unixgram", socketIn(t))
	f := begin(t, "syslog://"+address, Options{})
	var all sync.WaitGroup
	const writers, lines = 8, 200
	for w := range writers {
		all.Go(func() {
			for i := range lines {
				f.Offer(Source{Process: fmt.Sprint("w", w), Stream: "stdout"}, noon, fmt.Appendf(nil, "%d\n", i))
			}
		})
	}
	next := map[string]int{}
	for range writers * lines {
		m, err := parseMessage(soon(t, "a message", messages))
		if err != nil || m.text != fmt.Sprint(next[m.app]) {
			t.Fatalf("%s says %q, %v; want %d", m.app, m.text, err, next[m.app])
		}
		next[m.app]++
	}
	all.Wait()
	f.Close(5 * time.Second)
	wantCounts(t, f, writers*lines, 0)
}

func TestHearMayOffer(t *testing.T) {
	path := socketIn(t)
	var f *Forwarder
	ready := make(chan struct{})
	f = start(target(t, "syslog://"+path), Options{Hear: func(n Note) {
		<-ready
		f.Offer(Source{Process: "phorever"}, noon, fmt.Appendf(nil, "%T\n", n))
	}}, brisk)
	close(ready)
	t.Cleanup(func() { f.Close(time.Second) })
	f.Offer(web, noon, []byte("x\n"))
	for {
		if end, _ := f.queue.tailOf(); end > 100 { // the note is behind the line
			break
		}
		time.Sleep(time.Millisecond)
	}
	_, messages := packetServer(t, "unixgram", path)
	for _, want := range []string{"x", "forward.Failing", "forward.Working"} {
		if m, err := parseMessage(soon(t, want, messages)); err != nil || m.text != want {
			t.Errorf("message is %q, %v; want %q", m.text, err, want)
		}
	}
}

// tailOf looks without saying that anybody waits.
func (q *queue) tailOf() (tail int64, used int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tail, q.used()
}

func BenchmarkOffer(b *testing.B) {
	line := []byte(strings.Repeat("x", 99) + "\n")
	for _, lines := range []int{1, 100} {
		text := bytes.Repeat(line, lines)
		b.Run(fmt.Sprintf("kept/lines=%d", lines), func(b *testing.B) {
			q := newQueue(1<<20, time.Now)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var at cursor
			for b.Loop() {
				q.offer(web, noon, text)
				if q.used() > 900<<10 { // as a reader would, without its work
					at.pos = q.tail
					q.release(&at, 0, 0)
				}
			}
			if q.dropped > 0 {
				b.Error("lines were dropped")
			}
		})
		b.Run(fmt.Sprintf("dropped/lines=%d", lines), func(b *testing.B) {
			q := newQueue(4096, time.Now)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				q.offer(web, noon, text)
			}
		})
	}
	b.Run("sent", func(b *testing.B) {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			b.Fatal(err)
		}
		defer null.Close()
		f := start(target(b, "stdout"), Options{Stdout: null}, brisk)
		defer f.Close(time.Second)
		b.SetBytes(int64(len(line)))
		b.ReportAllocs()
		for b.Loop() {
			f.Offer(web, noon, line)
		}
		sent, dropped := f.Counts()
		b.ReportMetric(100*float64(dropped)/float64(sent+dropped+1), "%dropped")
	})
}
